"""Which code the steps run: the version that each result, run and ledger entry records."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import models
from nightshift.code_digest import PLATFORM, digest_files, digest_platform, files_below

CODE = ("include", "great_expectations", "requirements.txt")
"""What decides the outcome of a step."""


def code_version(sources: Path, parts: Sequence[str] = CODE) -> str:
    """`git describe`, with a digest of the code when it differs from the commit; without git, the digest alone.

    The version is part of the idempotency key of finished work, so a change that is not committed must show in it. So
    must a file that git does not know yet: the commit does not contain it.
    """
    described = _git(sources, "describe", "--always", "--abbrev=12")
    # A checkout that was unpacked inside another repository is no part of that.
    if not described or not _git(sources, "ls-files", "--", *parts):
        return f"no-git-{_digest(sources, parts)}"
    # None: git could not say, for example because its index is broken.
    changed = _git(sources, "status", "--porcelain", "--untracked-files=all", "--ignore-submodules=none", "--", *parts)
    return described if changed == "" else f"{described}-dirty-{_digest(sources, parts)}"


def model_digests() -> dict[str, str]:
    """The digests of the platform's code and of every model's, as a step computes them again when it begins."""
    found = {PLATFORM: digest_platform()}
    for name in models.names():
        # A definition that cannot be imported is said by the step, and keeps no service from starting.
        with suppress(Exception):
            found[name] = models.digest(name)
    return found


def _git(sources: Path, *words: str) -> str | None:
    """What git says; None when it is not there or fails."""
    # In a hook git names its own repository in variables, and they would win.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(sources), "--no-optional-locks", *words)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def _digest(sources: Path, parts: Sequence[str]) -> str:
    files = (path for name in parts for path in _files(sources / name))
    return digest_files((str(path.relative_to(sources)), path) for path in files)[:12]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else files_below(path)
