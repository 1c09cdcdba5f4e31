"""Which code the steps run: the version that each result, run and ledger entry records."""

import hashlib
import subprocess
from pathlib import Path

CODE = ("include", "great_expectations", "requirements.txt")
"""What decides the outcome of a step."""


def code_version(sources: Path) -> str:
    """`git describe`, with a digest of the code when it differs from the commit; without git, the digest alone.

    The version is part of the idempotency key of finished work, so a change that is not committed must show in it.
    """
    described = _git(sources, "describe", "--always", "--dirty", "--abbrev=12")
    if described and not described.endswith("-dirty"):
        return described
    return f"{described or 'no-git'}-{_digest(sources)}"


def _git(sources: Path, *words: str) -> str:
    try:
        done = subprocess.run(("git", "-C", str(sources), *words), capture_output=True, text=True, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for name in CODE for path in _files(sources / name)):
        digest.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"]
