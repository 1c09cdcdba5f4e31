"""The scan of images that break a rule each, built here from Debian's base, and of ours, which break none."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from image_tools.archive import save_image
from image_tools.image_rules import check_image
from image_tools.vulnerabilities import find_debian_updates
from support.image_runs import SOURCES, run_docker

pytestmark = [pytest.mark.images, pytest.mark.timeout(600)]
KEPT = "FROM debian:bookworm-slim\nRUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +\nUSER 10001:10001\n"
"""An image that keeps every rule; each test adds what breaks one."""
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ\n"
OF_THE_DAY = ("  ✗ update: ", "  ✗ exception: ")
"""Findings that come with time alone: a new correction of Debian's, an exception that is to be looked at again."""
Build = Callable[..., str]


@pytest.fixture
def build(engine: None, tmp_path: Path) -> Iterator[Build]:  # noqa: ARG001 - first of all Docker
    """Builds a Dockerfile; its image is removed afterwards."""
    name = f"nightshift-scan-test:{uuid4().hex[:12]}"

    def made(dockerfile: str, *instructions: str) -> str:
        (tmp_path / "Dockerfile").write_text(dockerfile)
        (tmp_path / "key").write_text(KEY)
        run_docker("buildx", "build", "--load", "--quiet", "--tag", name, *instructions, str(tmp_path))
        return name

    yield made
    subprocess.run(("docker", "image", "rm", "--force", name), capture_output=True, check=False)


def _found(image: str) -> list[tuple[str, str, str]]:
    with save_image(image) as archive:
        findings = check_image(archive)
    assert all(str(finding).count("\n") == 0 and finding.advice for finding in findings)
    return [(finding.rule, finding.problem, finding.where.removeprefix(image)) for finding in findings]


def test_an_image_that_keeps_the_rules_has_no_finding(build: Build) -> None:
    assert _found(build(KEPT)) == []


def test_debians_base_itself_breaks_two(build: Build) -> None:
    findings = _found(build("FROM debian:bookworm-slim\n"))
    assert {rule for rule, _, _ in findings} == {"setuid", "user"}
    assert ("setuid", "a setuid file", ":/usr/bin/su") in findings


@pytest.mark.parametrize(
    ("added", "rule", "where"),
    [
        ("RUN cp /bin/true /opt/gain && chmod 4755 /opt/gain\nUSER 7\n", "setuid", ":/opt/gain"),
        ("RUN cp /bin/true /opt/gain && chmod 2755 /opt/gain\nUSER 7\n", "setuid", ":/opt/gain"),
        ("", "user", ""),
        ("USER 0:10001\n", "user", ""),
        ("USER nobody\n", "user", ""),
        ("ENV DATABASE_PASSWORD=canary-77\nUSER 7\n", "secret", ": variable or label DATABASE_PASSWORD"),
        ("LABEL deploy.token=canary-77\nUSER 7\n", "secret", ": variable or label deploy.token"),
        ("COPY key /opt/notes.txt\nUSER 7\n", "secret", ":/opt/notes.txt"),
        ("COPY key /opt/notes.txt\nRUN rm /opt/notes.txt\nUSER 7\n", "secret", ":/opt/notes.txt"),
        ("RUN mkdir /opt/nightshift && touch /opt/nightshift/.env\nUSER 7\n", "secret", ":/opt/nightshift/.env"),
    ],
)
def test_an_image_that_breaks_a_rule_is_found(added: str, rule: str, where: str, build: Build) -> None:
    findings = _found(build(f"{KEPT}USER root\n{added}"))
    assert [(r, w) for r, _, w in findings] == [(rule, where)]
    assert "canary" not in str(findings)


def test_a_secret_given_to_the_build_stays_in_its_history_and_is_found(build: Build) -> None:
    image = build(f"{KEPT}ARG API_TOKEN\nRUN true\n", "--build-arg", f"API_TOKEN={uuid4()}")
    findings = _found(image)
    assert [(rule, description) for rule, description, _ in findings] == [("secret", "a secret by its name")]
    assert "of its history" in findings[0][2]


def test_a_correction_of_debians_that_the_image_lacks_is_found(build: Build) -> None:
    older = r"sed -i '/^Package: tzdata$/,/^$/s/^Version: .*/Version: 2000a-1/' /var/lib/dpkg/status"
    checked = find_debian_updates(build(f"{KEPT}USER root\nRUN {older}\nUSER 7\n"))
    if checked.not_checked:
        assert "Debian's list of updates cannot be fetched" in checked.not_checked
        return
    assert [finding.problem.split(",")[0] for finding in checked.findings] == ["tzdata 2000a-1"]


def test_a_list_of_debians_that_cannot_be_fetched_is_not_taken_for_an_empty_one(build: Build) -> None:
    nowhere = "rm -rf /etc/apt/sources.list* && echo 'deb http://127.0.0.1:9 bookworm main' >/etc/apt/sources.list"
    checked = find_debian_updates(build(f"{KEPT}USER root\nRUN {nowhere}\nUSER 7\n"))
    assert "Debian's list of updates cannot be fetched" in checked.not_checked
    assert checked.findings == ()


def test_the_scan_of_everything_here_has_no_finding(built: dict[str, str]) -> None:
    completed = _scan()
    assert completed.returncode in (0, 1), completed.stdout + completed.stderr
    findings = [line for line in completed.stdout.splitlines() if line.startswith("  ✗ ")]
    assert [line for line in findings if not line.startswith(OF_THE_DAY)] == []
    assert all(f"checked {image}: user, rights of files" in completed.stdout for image in built.values())
    # Where no index of advisories can be reached, the scan must say that it did not look.
    assert re.search(
        r"^  (checked|NOT CHECKED) known vulnerabilities of the locked versions", completed.stdout, re.MULTILINE
    )


def test_the_scan_ends_with_one_on_a_finding_and_with_two_when_it_cannot_look(build: Build) -> None:
    completed = _scan(build(f"{KEPT}USER root\n"))
    assert completed.returncode == 1
    assert "✗ user: runs as root: nightshift-scan-test:" in completed.stdout
    missing = _scan("nightshift-scan-test:none")
    assert missing.returncode == 2
    assert missing.stderr.startswith("cannot scan: 'docker image save' failed: ")


def _scan(*images: str) -> subprocess.CompletedProcess[str]:
    arguments = (sys.executable, str(SOURCES / "tools/scan.py"), *images)
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=500)
