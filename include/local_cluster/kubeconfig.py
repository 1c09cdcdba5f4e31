"""The token that requests need, and the file that hands it to clients."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path


def token_in(directory: Path) -> str:
    """The token of this state directory, made at the first start."""
    path = directory / "token"
    if not path.exists():
        _write_privately(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii").strip()


def write(path: Path, server: str, authority: str, token: str) -> None:
    """Write a kubeconfig that only its owner can read; `authority` is the PEM certificate to trust. JSON is YAML."""
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
    _write_privately(path, json.dumps(config, indent=2) + "\n")


def _write_privately(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
