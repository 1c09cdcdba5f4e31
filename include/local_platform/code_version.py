"""Computes the version of the code that the steps run; each result, run and ledger entry records it."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nightshift import catalog
from nightshift.code_digest import PLATFORM, digest_files, digest_platform, list_files_below

CODE = ("include", "great_expectations", "requirements.txt")
"""What decides the outcome of a step."""


def read_code_version(sources: Path, parts: Sequence[str] = CODE) -> str:
    """Returns `git describe`, with a digest of the code when it differs from the commit; without git, the digest alone.

    The version is part of the idempotency key of finished work, so a change that is not committed must show in it. So
    must a file that git does not know yet: the commit does not contain it.
    """
    described = _run_git(sources, "describe", "--always", "--abbrev=12")
    # A checkout that was unpacked inside another repository is no part of that.
    if not described or not _run_git(sources, "ls-files", "--", *parts):
        return f"no-git-{_compute_digest(sources, parts)}"
    # None: git could not say, for example because its index is broken.
    options = ("--porcelain", "--untracked-files=all", "--ignore-submodules=none")
    changed = _run_git(sources, "status", *options, "--", *parts)
    return described if changed == "" else f"{described}-dirty-{_compute_digest(sources, parts)}"


def compute_model_digests() -> dict[str, str]:
    """Returns the digests of the platform's code and of every model's. A step computes them again when it begins."""
    digests = {PLATFORM: digest_platform()}
    for name in catalog.list_names():
        # A definition that cannot be imported must not keep a service from starting: the step reports it.
        with suppress(Exception):
            digests[name] = catalog.digest_model(name)
    return digests


def _run_git(sources: Path, *arguments: str) -> str | None:
    """Returns the output of git, or None when git is missing or fails."""
    # In a hook git names its own repository in variables, which would take precedence.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(sources), "--no-optional-locks", *arguments)
    try:
        completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    return completed.stdout.strip()


def _compute_digest(sources: Path, parts: Sequence[str]) -> str:
    files = (path for name in parts for path in _list_files(sources / name))
    return digest_files((str(path.relative_to(sources)), path) for path in files)[:12]


def _list_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else list_files_below(path)
