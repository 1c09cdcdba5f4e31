"""`make scan`: the locks, the Dockerfile, the compose file, and the images of `make images` against their rules.

Each finding is one line: what, where, what to do. Ends with 1 when there is one that `tools/scan-exceptions.toml` does
not accept, with 2 when it could not look. Images may be named instead: `tools/scan.py IMAGE …`.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from image_tools import exceptions, lock_rules
from image_tools.archive import saved
from image_tools.build import TARGETS, local_name
from image_tools.engine import EngineError, ready
from image_tools.exceptions import ExceptionsError
from image_tools.findings import Finding
from image_tools.holes import Checked, debian_holes, python_holes
from image_tools.image_rules import image_findings

SOURCES = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements/*.txt", "tools/requirements-uv.txt")
COMPOSE = ("docker-compose.yaml", "deploy/compose/*.yaml")


def main(images: list[str]) -> int:
    """Scan everything; the exit code."""
    images = images or [local_name(target) for target in TARGETS]
    try:
        known = exceptions.read(SOURCES / exceptions.FILE)
        ready()
        found = [*_of_locks(), *_of_recipes()]
        for image in images:
            found += _of_image(image)
    except (EngineError, ExceptionsError) as e:
        print(f"cannot scan: {e}", file=sys.stderr)
        return 2
    left = exceptions.sift(found, known, datetime.now(UTC).date())
    for finding in left:
        print(f"  ✗ {finding}")
    print(f"  {len(left)} findings, {len(found) - len([f for f in left if f in found])} accepted in {exceptions.FILE}")
    return 1 if left else 0


def _of_locks() -> list[Finding]:
    locks = _files(LOCKS)
    found = [f for path in locks for f in lock_rules.lock_findings(path, _where(path))]
    _say(f"{len(locks)} locks: versions and digests")
    holes = python_holes(pin for path in locks for pin in lock_rules.pins(path.read_text()))
    _say_checked("known holes of the locked versions", holes)
    return [*found, *holes.findings]


def _of_recipes() -> list[Finding]:
    recipes = [SOURCES / "Dockerfile"]
    found = [f for path in recipes for f in lock_rules.dockerfile_findings(path, _where(path))]
    composed = _files(COMPOSE)
    found += [f for path in composed for f in lock_rules.compose_findings(path, _where(path))]
    _say(f"{len(recipes) + len(composed)} recipes (Dockerfile, compose files): images and installations")
    return found


def _of_image(image: str) -> list[Finding]:
    with saved(image) as archive:
        found = image_findings(archive)
    _say(f"{image}: user, rights of files, secrets in {len(archive.layers)} layers, settings and history")
    updates = debian_holes(image)
    _say_checked(f"{image}: corrections of Debian's packages", updates)
    return [*found, *updates.findings]


def _files(patterns: tuple[str, ...]) -> list[Path]:
    return sorted(path for pattern in patterns for path in SOURCES.glob(pattern))


def _where(path: Path) -> str:
    return str(path.relative_to(SOURCES))


def _say(what: str) -> None:
    print(f"  looked at {what}", flush=True)


def _say_checked(what: str, checked: Checked) -> None:
    print(f"  NOT CHECKED {what}: {checked.not_checked}" if checked.not_checked else f"  looked at {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
