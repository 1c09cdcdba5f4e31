"""A service that has hung is killed; one that is well, busy, starting or out of disk is not."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from local_platform.one_machine.platform import Platform
from local_platform.services import watchdog
from local_platform.services.airflow_services import COMPONENTS, define_services
from local_platform.services.watchdog import HUNG, HUNG_BUSY, LASTING, NEEDED, STARTING, Watchdog

STARTED = 1_000_000.0
LATER = STARTED + 10_000
PLENTY = 100 * NEEDED


def _report(beat: float | None, status: str = "unhealthy", database: str = "healthy") -> dict[str, Any]:
    at = None if beat is None else datetime.fromtimestamp(beat, UTC).isoformat()
    return {
        "metadatabase": {"status": database},
        "scheduler": {"status": status, "latest_scheduler_heartbeat": at},
    }


def _killed_after(report: dict[str, Any] | None, *, load: float = 0.0, free: int = PLENTY, until: float = 400) -> float:
    """Seconds after LATER at which it is killed; -1: it is not within `until`."""
    dog = Watchdog("scheduler", STARTED)
    for second in range(0, int(until), 5):
        if dog.has_hung(report, LATER + second, load * second, free):
            return second
    return -1


def test_one_that_has_hung_is_killed_soon() -> None:
    assert _killed_after(_report(LATER)) == HUNG + LASTING


def test_after_an_outage_it_has_a_moment_to_give_a_sign() -> None:
    assert _killed_after(_report(LATER - 1000)) == LASTING


def test_one_that_is_busy_is_left_alone_for_minutes() -> None:
    assert HUNG_BUSY < _killed_after(_report(LATER), load=0.5) <= HUNG_BUSY + LASTING + 5


@pytest.mark.parametrize(
    "report",
    [
        None,
        {},
        _report(LATER - 1000, status="healthy"),
        _report(LATER - 1000, database="unhealthy"),
    ],
)
def test_one_that_lives_or_cannot_be_told_of_is_left_alone(report: dict[str, Any] | None) -> None:
    assert _killed_after(report) == -1


def test_on_a_full_disk_the_next_one_could_not_work_either() -> None:
    dog = Watchdog("scheduler", STARTED)
    assert not any(dog.has_hung(_report(LATER), LATER + s, 0, NEEDED - 1) for s in range(0, 1000, 5))
    space_is_back = LATER + 1000
    hung = [s for s in range(0, 100, 5) if dog.has_hung(_report(LATER), space_is_back + s, 0, PLENTY)]
    assert hung[0] == LASTING


@pytest.mark.parametrize("beat", [None, STARTED - 5])
def test_the_sign_of_an_earlier_process_counts_for_nothing(beat: float | None) -> None:
    dog = Watchdog("scheduler", STARTED)
    seconds = [s for s in range(0, 1000, 5) if dog.has_hung(_report(beat), STARTED + s, 0, PLENTY)]
    assert seconds[0] == STARTING + LASTING


@pytest.fixture
def address() -> Iterator[str]:
    """Where a report says that the scheduler was silent for long."""

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(_report(datetime.now(UTC).timestamp())).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_guard_kills_what_hangs(address: str) -> None:
    program = f"""
import sys
from local_platform.services import process_guard, watchdog
watchdog.EVERY = watchdog.LASTING = 0.1
watchdog.HUNG = -60.0
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
sys.exit(process_guard.main(["--watch", {address!r}, "scheduler", "5", *sleep]))
"""
    completed = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False, timeout=60)
    assert completed.returncode == 128 + signal.SIGKILL
    assert completed.stdout == "scheduler sends no heartbeat: it is killed and started again\n"


def test_airflows_services_without_an_address_of_their_own_are_watched(platform: Platform) -> None:
    watched = {service.name: service.watch[1] for service in define_services(platform.airflow) if service.watch}
    assert watched == COMPONENTS
    assert watchdog.EVERY * 2 < LASTING
