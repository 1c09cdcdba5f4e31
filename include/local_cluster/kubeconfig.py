"""The token that requests need, and the kubeconfig that gives it to clients."""

from __future__ import annotations

import base64
import json
import re
import secrets
from pathlib import Path

from local_cluster.files import remove_unfinished, write_atomically

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def read_or_make_token(directory: Path) -> str:
    """Returns the token of this state directory.

    It is made at the first start, and when its file has none: an empty token would let every client in.
    """
    path = directory / "token"
    token = path.read_text(errors="replace").strip() if path.is_file() else ""
    if not TOKEN.fullmatch(token):
        token = secrets.token_urlsafe(32)
        write_atomically(path, token.encode())
    return token


def write_kubeconfig(path: Path, server: str, authority: str, token: str) -> None:
    """Writes a kubeconfig that only its owner can read. `authority`: the PEM certificate to trust."""
    trusted = base64.b64encode(authority.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": server, "certificate-authority-data": trusted}}],
        "users": [{"name": "local", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local", "namespace": "nightshift"}}],
        "current-context": "local",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(path.parent, f"{path.name}.*")
    write_atomically(path, (json.dumps(config, indent=2) + "\n").encode())
