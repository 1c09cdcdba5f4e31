"""Known holes: of the locked Python packages by pip-audit, of an image's Debian packages by Debian's own updates."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from image_tools.engine import EngineError, docker
from image_tools.findings import Finding
from image_tools.lock_rules import Pin

LONGEST_S = 600
WAITING = re.compile(r"Inst (?P<name>\S+) \[(?P<old>[^]]+)\] \((?P<new>\S+)")
UPDATE = "apt-get update -qq -o Acquire::Retries=1 -o APT::Update::Error-Mode=any"
"""Left to itself, apt-get ends with 0 when it could fetch nothing, and then no correction would seem to wait."""
UPGRADE = f"{UPDATE} && apt-get --simulate -qq upgrade"


@dataclass(frozen=True)
class Checked:
    """What a check found, and, when it could not look at everything, why."""

    findings: tuple[Finding, ...] = ()
    not_checked: str = ""


def python_holes(pins: Iterable[Pin]) -> Checked:
    """The known holes of these versions, asked of the package index.

    One package is asked for first: an index that does not know it has no advisories, and is not asked for the rest. The
    environment variable OSV_URL names an OSV service (api.osv.dev's, or a mirror's) to ask instead.
    """
    wanted = sorted({(pin.name, pin.version) for pin in pins})
    try:
        if wanted and all("skip_reason" in answer for answer in _audit(wanted[:1])):
            return Checked(not_checked="the package index here has no advisories (it gives packages only)")
        answers = _audit(wanted)
    except (OSError, ValueError, subprocess.SubprocessError) as e:
        return Checked(not_checked=f"pip-audit could not ask: {str(e).strip()[:200]}")
    unknown = sorted(answer["name"] for answer in answers if "skip_reason" in answer)
    missing = (
        f"{len(unknown)} of {len(wanted)} packages are unknown to the index: {', '.join(unknown[:5])}"
        if unknown
        else ""
    )
    return Checked(tuple(f for answer in answers for f in _holes(answer)), missing)


def debian_holes(image: str) -> Checked:
    """The Debian packages of the image for which Debian has a newer version: in a stable release, corrections."""
    try:
        printed = docker("run", "--rm", "--user=0:0", "--entrypoint=sh", image, "-c", UPGRADE)
    except EngineError as e:
        return Checked(not_checked=f"Debian's list of updates cannot be had: {e}")
    return Checked(
        tuple(
            Finding(
                "update",
                f"{m['name']} {m['old']}, Debian has {m['new']}",
                image,
                "build with FRESH=1 make images, on a newer base",
            )
            for m in WAITING.finditer(printed)
        )
    )


def _audit(pins: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """pip-audit's answer for each pin. Raises ValueError with its last line when it has none."""
    with TemporaryDirectory(prefix="nightshift-audit-") as folder:
        lock = Path(folder) / "pins.txt"
        lock.write_text("".join(f"{name}=={version}\n" for name, version in pins))
        words = ["--requirement", str(lock), "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
        if os.environ.get("OSV_URL"):
            words += ["--vulnerability-service=osv", "--osv-url", os.environ["OSV_URL"]]
        done = subprocess.run(
            (sys.executable, "-m", "pip_audit", *words, "--aliases=on", "--timeout=20"),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
    if not done.stdout.strip():
        lines = done.stderr.strip().splitlines()
        raise ValueError(lines[-1] if lines else "pip-audit said nothing")
    answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return answers


def _holes(answer: dict[str, Any]) -> list[Finding]:
    return [
        Finding(
            "hole",
            f"{hole['id']} ({', '.join(hole['aliases']) or 'no other name'})",
            f"{answer['name']} {answer['version']}",
            f"upgrade to {' or '.join(hole['fix_versions'])} and 'make lock'"
            if hole["fix_versions"]
            else "no correction yet: replace it, or accept it with a reason",
        )
        for hole in answer.get("vulns", [])
    ]
