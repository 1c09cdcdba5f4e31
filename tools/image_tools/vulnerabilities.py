"""Finds known vulnerabilities: of locked Python packages with pip-audit, of Debian packages by Debian's own updates."""

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

from image_tools.engine import EngineError, run_docker
from image_tools.findings import Finding
from image_tools.lock_rules import Pin

LONGEST_S = 600
WAITING = re.compile(r"Inst (?P<name>\S+) \[(?P<old>[^]]+)\] \((?P<new>\S+)")
UPDATE = "apt-get update -qq -o Acquire::Retries=1 -o APT::Update::Error-Mode=any"
"""Left to itself, apt-get ends with 0 when it could fetch nothing, and then no correction would seem to wait."""
UPGRADE = f"{UPDATE} && apt-get --simulate -qq upgrade"


@dataclass(frozen=True)
class Checked:
    """The findings of a check, and why it could not check everything, if it could not."""

    findings: tuple[Finding, ...] = ()
    not_checked: str = ""


def find_python_vulnerabilities(pins: Iterable[Pin]) -> Checked:
    """Returns the known vulnerabilities of these versions, from the package index.

    It asks for one package first: an index that does not know it has no advisories, and gets no further requests. The
    environment variable OSV_URL names an OSV service (api.osv.dev, or a mirror) to use instead.
    """
    versions = sorted({(pin.name, pin.version) for pin in pins})
    try:
        if versions and all("skip_reason" in answer for answer in _run_audit(versions[:1])):
            return Checked(not_checked="the package index here has no advisories (it gives packages only)")
        answers = _run_audit(versions)
    except (OSError, ValueError, subprocess.SubprocessError) as e:
        return Checked(not_checked=f"pip-audit failed: {str(e).strip()[:200]}")
    unknown = sorted(answer["name"] for answer in answers if "skip_reason" in answer)
    missing = (
        f"{len(unknown)} of {len(versions)} packages are unknown to the index: {', '.join(unknown[:5])}"
        if unknown
        else ""
    )
    return Checked(tuple(f for answer in answers for f in _build_findings(answer)), missing)


def find_debian_updates(image: str) -> Checked:
    """Returns the Debian packages of the image for which Debian has a newer version: in a stable release,
    corrections.
    """
    try:
        printed = run_docker("run", "--rm", "--user=0:0", "--entrypoint=sh", image, "-c", UPGRADE)
    except EngineError as e:
        return Checked(not_checked=f"Debian's list of updates cannot be fetched: {e}")
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


def _run_audit(pins: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Returns pip-audit's answer for each pin. Raises ValueError with its last line when it has none."""
    with TemporaryDirectory(prefix="nightshift-audit-") as folder:
        lock = Path(folder) / "pins.txt"
        lock.write_text("".join(f"{name}=={version}\n" for name, version in pins))
        arguments = [
            "--requirement",
            str(lock),
            "--no-deps",
            "--disable-pip",
            "--progress-spinner=off",
            "--format=json",
        ]
        if os.environ.get("OSV_URL"):
            arguments += ["--vulnerability-service=osv", "--osv-url", os.environ["OSV_URL"]]
        completed = subprocess.run(
            (sys.executable, "-m", "pip_audit", *arguments, "--aliases=on", "--timeout=20"),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
    if not completed.stdout.strip():
        lines = completed.stderr.strip().splitlines()
        raise ValueError(lines[-1] if lines else "pip-audit printed nothing")
    answers: list[dict[str, Any]] = json.loads(completed.stdout)["dependencies"]
    return answers


def _build_findings(answer: dict[str, Any]) -> list[Finding]:
    return [
        Finding(
            "vulnerability",
            f"{vulnerability['id']} ({', '.join(vulnerability['aliases']) or 'no other name'})",
            f"{answer['name']} {answer['version']}",
            f"upgrade to {' or '.join(vulnerability['fix_versions'])} and 'make lock'"
            if vulnerability["fix_versions"]
            else "no correction yet: replace it, or accept it with a reason",
        )
        for vulnerability in answer.get("vulns", [])
    ]
