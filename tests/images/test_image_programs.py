"""`make images` and `make scan` where something is missing, and known vulnerabilities from a service of advisories."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from image_tools.build import check_space
from image_tools.engine import EngineError, find_reason
from image_tools.lock_rules import Pin
from image_tools.vulnerabilities import find_python_vulnerabilities
from support.image_runs import SOURCES

VULNERABILITY = {
    "id": "PYSEC-2999-1",
    "aliases": ["CVE-2999-1"],
    "summary": "boto3 does something it should not",
    "modified": "2099-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "boto3"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2.3"}]}],
            "versions": ["1.0.0"],
        }
    ],
}


class _Advisories(BaseHTTPRequestHandler):
    """Answers as an OSV service does: one hole, in boto3 1.0.0."""

    def do_POST(self) -> None:
        request: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = (request["package"]["name"], request["version"]) == ("boto3", "1.0.0")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": [VULNERABILITY]} if known else {}).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Says nothing."""


@pytest.fixture
def advisories(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
        yield server
        server.shutdown()


@pytest.mark.usefixtures("advisories")
def test_a_known_vulnerability_is_found_with_its_correction() -> None:
    checked = find_python_vulnerabilities([Pin("boto3", "1.0.0", ()), Pin("six", "1.17.0", ())])
    assert not checked.not_checked
    assert [str(finding) for finding in checked.findings] == [
        "vulnerability: PYSEC-2999-1 (CVE-2999-1): boto3 1.0.0: upgrade to 1.2.3 and 'make lock'"
    ]


@pytest.mark.usefixtures("advisories")
def test_versions_without_vulnerabilities_have_no_finding() -> None:
    checked = find_python_vulnerabilities([Pin("boto3", "1.2.3", ()), Pin("six", "1.17.0", ())])
    assert (checked.findings, checked.not_checked) == ((), "")


def test_a_service_that_does_not_answer_is_said_and_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSV_URL", "http://127.0.0.1:9/v1/query")
    checked = find_python_vulnerabilities([Pin("boto3", "1.2.3", ())])
    assert checked.findings == ()
    assert checked.not_checked.startswith("pip-audit failed: ")


@pytest.mark.parametrize("program", ["images", "scan"])
def test_without_docker_one_sentence_says_so(program: str, tmp_path: Path) -> None:
    completed = _run(program, PATH=str(tmp_path))
    assert completed.returncode == 2
    assert completed.stderr.count("\n") == 1
    assert "the program docker was not found: install Docker" in completed.stderr


@pytest.mark.images
@pytest.mark.parametrize("program", ["images", "scan"])
def test_without_an_engine_one_sentence_says_so(program: str, tmp_path: Path) -> None:
    completed = _run(program, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert completed.returncode == 2
    assert completed.stderr.count("\n") == 1
    assert "the Docker engine does not answer: start it" in completed.stderr


@pytest.mark.images
@pytest.mark.usefixtures("engine")
def test_without_room_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_tools.build.name_local_image", lambda target: f"nightshift-never-built:{target}")
    monkeypatch.setattr("image_tools.build.NEEDED_GB", 10**9)
    with pytest.raises(
        EngineError, match=r"the disk of the Docker engine \(.+\) has \d+ GB left and needs 1000000000 GB"
    ):
        check_space()


def test_a_full_disk_is_told_from_the_last_line_of_a_build() -> None:
    assert "is full" in find_reason("a\nwrite /x: no space left on device\nERROR: failed to solve\n")
    assert find_reason("a\nERROR: failed to solve: b\n\n") == "ERROR: failed to solve: b"


def _run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    arguments = (sys.executable, str(SOURCES / f"tools/{program}.py"))
    return subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment}
    )
