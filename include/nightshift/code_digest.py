"""A digest of source files, and the version of the code that a step really runs. Standard library only.

The platform says which version it was started with, and gives the digest of each part beside it. A step compares those
with the files it runs: code that was edited since has a version of its own.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

PLATFORM = "nightshift"
"""The name of the platform's own code among the digests."""
CODE = Path(__file__).parent
LENGTH = 16
UNCOMMITTED = re.compile(r"(-dirty)?-[0-9a-f]{12}\Z")
"""The end of a version that names no commit: see `local_platform.code_version`."""


def list_files_below(folder: Path) -> list[Path]:
    """Every file below a folder, in order; not hidden ones and not what Python compiles."""
    paths = (path for path in folder.rglob("*") if _is_counted(path.relative_to(folder)) and path.is_file())
    return sorted(paths)


def _is_counted(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return not hidden and path.suffix != ".pyc"


def digest_files(files: Iterable[tuple[str, Path]]) -> str:
    """A short SHA-256 of named files: of their names and contents. One that cannot be read counts by its name."""
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0{_digest_content(path)}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:LENGTH]


def _digest_content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # removed just now by an editor, or not ours to read
        return "unreadable"


def digest_folder(folder: Path) -> str:
    """A short SHA-256 of everything that counts below a folder."""
    return digest_files((str(path.relative_to(folder)), path) for path in list_files_below(folder))


def digest_platform() -> str:
    """The digest of the platform's own code: this package."""
    return digest_folder(CODE)


def write_digests(digests: Mapping[str, str]) -> str:
    """Digests by their names as one line, for a variable of the environment."""
    return " ".join(f"{name}={digest}" for name, digest in sorted(digests.items()))


def read_digests(text: str) -> dict[str, str]:
    """What `write_digests` wrote."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def find_running_version(given: str, known: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The version `given` by the platform, or one of its own where the code is not the one that had that version.

    `known`: the digests of the parts when the version was made; empty: it is an image's, whose code does not change.
    `now`: the digests of the parts that the step runs.
    """
    if not known or all(known.get(name) == digest for name, digest in now.items()):
        return given
    commit = UNCOMMITTED.sub("", given)
    content = hashlib.sha256(write_digests(now).encode()).hexdigest()[:12]
    return f"no-git-{content}" if commit == "no-git" else f"{commit}-dirty-{content}"
