"""`make scan`: the locks, the Dockerfile, the compose file, and the images of `make images` against their rules.

Each finding is one line: the problem, the place, what to do. Exit code 1: `tools/scan-exceptions.toml` does not accept
one of them; 2: the scan failed. Other images may be named: `tools/scan.py IMAGE …`.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from image_tools import exceptions, lock_rules
from image_tools.archive import save_image
from image_tools.build import TARGETS, name_local_image
from image_tools.engine import EngineError, check_engine
from image_tools.exceptions import ExceptionsError
from image_tools.findings import Finding
from image_tools.image_rules import check_image
from image_tools.vulnerabilities import Checked, find_debian_updates, find_python_vulnerabilities

SOURCES = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements/*.txt", "tools/requirements-uv.txt")
COMPOSE = ("docker-compose.yaml", "deploy/compose/*.yaml")


def main(images: list[str]) -> int:
    """Scans everything; returns the exit code."""
    images = images or [name_local_image(target) for target in TARGETS]
    try:
        accepted = exceptions.read_exceptions(SOURCES / exceptions.FILE)
        check_engine()
        findings = [*_check_locks(), *_check_recipes()]
        for image in images:
            findings += _check_image(image)
    except (EngineError, ExceptionsError) as e:
        print(f"cannot scan: {e}", file=sys.stderr)
        return 2
    remaining = exceptions.sift(findings, accepted, datetime.now(UTC).date())
    for finding in remaining:
        print(f"  ✗ {finding}")
    accepted_number = len(findings) - len([f for f in remaining if f in findings])
    print(f"  {len(remaining)} findings, {accepted_number} accepted in {exceptions.FILE}")
    return 1 if remaining else 0


def _check_locks() -> list[Finding]:
    locks = _list_files(LOCKS)
    findings = [f for path in locks for f in lock_rules.check_lock(path, _get_relative_path(path))]
    _print_checked(f"{len(locks)} locks: versions and digests")
    pins = (pin for path in locks for pin in lock_rules.parse_pins(path.read_text()))
    vulnerabilities = find_python_vulnerabilities(pins)
    _print_result("known vulnerabilities of the locked versions", vulnerabilities)
    return [*findings, *vulnerabilities.findings]


def _check_recipes() -> list[Finding]:
    recipes = [SOURCES / "Dockerfile"]
    findings = [f for path in recipes for f in lock_rules.check_dockerfile(path, _get_relative_path(path))]
    composed = _list_files(COMPOSE)
    findings += [f for path in composed for f in lock_rules.check_compose_file(path, _get_relative_path(path))]
    _print_checked(f"{len(recipes) + len(composed)} recipes (Dockerfile, compose files): images and installations")
    return findings


def _check_image(image: str) -> list[Finding]:
    with save_image(image) as archive:
        findings = check_image(archive)
    _print_checked(f"{image}: user, rights of files, secrets in {len(archive.layers)} layers, settings and history")
    updates = find_debian_updates(image)
    _print_result(f"{image}: updates of Debian's packages", updates)
    return [*findings, *updates.findings]


def _list_files(patterns: tuple[str, ...]) -> list[Path]:
    return sorted(path for pattern in patterns for path in SOURCES.glob(pattern))


def _get_relative_path(path: Path) -> str:
    return str(path.relative_to(SOURCES))


def _print_checked(subject: str) -> None:
    print(f"  checked {subject}", flush=True)


def _print_result(subject: str, checked: Checked) -> None:
    if checked.not_checked:
        print(f"  NOT CHECKED {subject}: {checked.not_checked}", flush=True)
    else:
        _print_checked(subject)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
