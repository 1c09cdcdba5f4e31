"""A backfill by Airflow itself, newest night first and three at a time: a night is blocked, and one is missing.

The whole platform in a new home on free ports: Airflow's scheduler makes the runs, the steps are pods. Afterwards what
must hold holds, read from ledger, registry and lake alone; and some of the nights, run again, change nothing.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_platform.checkout import SOURCES
from local_platform.demo.airflow_api import AirflowApi, Busy
from local_platform.marked_processes import find_processes_of
from local_platform.one_machine import settings
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from nightshift import catalog
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings
from support.backfill_invariants import list_versions, require_invariants, require_one_version_per_night
from support.free_settings import build_settings_on_free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
DAG = "flights_nightly"
MODEL = catalog.load_model("flights")
LANDED, VALIDATED = "2013-01-05", "2013-02-23"  # 28 days to learn from, 9 to compare on, 14 to look back over
FIRST = date(2013, 2, 24)
NIGHTS = int(os.environ.get("NIGHTSHIFT_TEST_BACKFILL_NIGHTS", "6"))
LAST = FIRST + timedelta(days=NIGHTS - 1)
BLOCKED, MISSING = FIRST + timedelta(days=2), FIRST + timedelta(days=5)
OTHERS = [FIRST + timedelta(days=n) for n in range(NIGHTS) if n not in (2, 5)]
ACTIVE = 3
TIMEOUT = 75.0
"""Seconds for each night of a backfill, on a busy machine."""


@dataclass(frozen=True)
class Backfilled:
    """What the backfill left, and the platform that still runs."""

    platform: Platform
    store: ObjectStore
    api: AirflowApi
    states: dict[date, dict[str, str]]
    entries: list[Entry]


def _local(home: Path, word: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "NIGHTSHIFT_HOME": str(home)}
    command = (sys.executable, "-m", "local_platform", word)
    return subprocess.run(command, env=environment, cwd=SOURCES, capture_output=True, text=True, timeout=600)


def _nightshift(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "nightshift"), *arguments]
    return subprocess.run(
        command, env=platform.build_step_environment("a test"), capture_output=True, text=True, timeout=900
    )


def _prepare(platform: Platform, store: ObjectStore) -> None:
    """Lands the data, corrupts one night, takes another away, and validates what comes before the backfill."""
    expected: list[tuple[str, ...]] = [
        ("seed", "flights", "--dates", "original", "--nights", f"{LANDED}..{LAST + timedelta(days=1)}")
    ]
    expected += [("seed", "flights", "--corrupt", BLOCKED.isoformat())]
    # Nights whose whole window is unvalidated cannot be trained: more than a holdout of them is adopted first.
    last = VALIDATED if MODEL.window.holdout_days > NIGHTS else LAST.isoformat()
    expected += [("validate", "flights", f"{LANDED}..{last}")]
    for arguments in expected:
        if arguments[0] == "validate":
            store.delete([o.uri for o in store.list_objects(MODEL.facts.build_partition_uri(MISSING))])
        completed = _nightshift(platform, *arguments)
        assert completed.returncode in (0, 10), completed.stdout[-3000:] + completed.stderr[-3000:]


def _backfill(api: AirflowApi, first: date, last: date, **more: Any) -> None:
    """Airflow's own backfill of these nights, followed to the end of every run."""
    body = {"dag_id": DAG, "max_active_runs": ACTIVE, "dag_run_conf": {}, **more}
    body |= {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T23:59:59Z"}
    deadline = time.monotonic() + TIMEOUT * ((last - first).days + 1)
    while time.monotonic() < deadline:
        try:
            api._call("POST", "/api/v2/backfills", body, api._headers)
            break
        except Busy:  # SQLite has one writer at a time: Airflow may have made some of the runs
            time.sleep(3)
            if api.is_backfilling(DAG):
                break
    api.unpause(DAG)
    while api.is_backfilling(DAG) or not all(run.ended for run in api.read_runs(DAG, first, last, "UTC").values()):
        assert time.monotonic() < deadline, api.read_runs(DAG, first, last, "UTC")
        time.sleep(1)


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backfilled]:
    home = Home(tmp_path_factory.mktemp("b") / "h")
    home.path.mkdir()
    chosen = build_settings_on_free_ports()
    home.settings.write_text(settings.render_settings(chosen))
    try:
        begun = _local(home.path, "up")
        assert begun.returncode == 0, begun.stdout[-6000:] + begun.stderr[-3000:]
        platform = Platform(home, settings.read_settings(home))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**platform.build_step_values(), **platform.build_step_secrets()}.items():
                patch.setenv(name, value)
            yield _backfilled(platform)
    finally:
        ended = _local(home.path, "down")
        left = find_processes_of(home.path)
    assert ended.returncode == 0, ended.stdout
    assert left == []


def _backfilled(platform: Platform) -> Backfilled:
    store = ObjectStore(StorageSettings(endpoint=platform.storage.endpoint))
    api = AirflowApi(f"http://127.0.0.1:{platform.settings.airflow_port}", "admin", platform.settings.admin_password)
    _prepare(platform, store)
    started = time.monotonic()
    _backfill(api, FIRST, LAST, run_backwards=True)
    print(f"{NIGHTS} nights in {time.monotonic() - started:.0f} s")  # noqa: T201 - shown with -s
    states = {night: api.read_tasks(DAG, run) for night, run in api.read_runs(DAG, FIRST, LAST, "UTC").items()}
    return Backfilled(platform, store, api, states, require_invariants(store, MODEL, Registry()))


def test_every_night_but_two_was_trained_once_and_decided_upon(backfilled: Backfilled) -> None:
    assert require_one_version_per_night(Registry(), "flights") == [night.isoformat() for night in OTHERS]
    assert sorted(entry.night for entry in backfilled.entries) == [night.isoformat() for night in OTHERS]


def test_a_blocked_and_a_missing_night_hold_up_no_other(backfilled: Backfilled) -> None:
    for night in (BLOCKED, MISSING):
        assert backfilled.states[night] == {
            "validate": "failed",
            **dict.fromkeys(("train", "evaluate", "promote", "score"), "upstream_failed"),
        }
    for night in OTHERS:
        done = backfilled.states[night]
        assert done.pop("promote") in ("success", "skipped")
        assert set(done.values()) == {"success"}


def test_a_winner_that_is_older_than_the_champion_is_superseded(backfilled: Backfilled) -> None:
    won = [entry for entry in backfilled.entries if entry.verdict and entry.verdict.verdict.promote]
    kinds = {entry.night: entry.kind for entry in won}
    before = {entry.night: entry.previous.night if entry.previous else "" for entry in won}
    assert kinds == {night: "promotion" if night > before[night] else "superseded" for night in before}
    assert "superseded" in kinds.values()  # newest first: the first champion is newer than most


def test_the_ledger_names_the_backfill(backfilled: Backfilled) -> None:
    for entry in backfilled.entries:
        assert entry.cause.kind == "backfill"
        assert entry.cause.by.startswith(f"{DAG}:backfill__")


def test_nights_that_are_run_again_change_nothing(backfilled: Backfilled) -> None:
    def kept() -> tuple[Any, ...]:
        store = backfilled.store
        ledger = {o.uri: o.etag for o in store.list_objects(store.build_uri("ledger/"))}
        return ledger, [v.number for v in list_versions(Registry(), "flights")], Registry().find_champion("flights")

    before = kept()
    _backfill(backfilled.api, FIRST, FIRST + timedelta(days=1), reprocess_behavior="completed")
    assert kept() == before


def test_the_command_rechecks_what_was_decided(backfilled: Backfilled) -> None:
    completed = _nightshift(backfilled.platform, "recheck", "flights", "--last", "1")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "1 the same, 0 differ" in completed.stdout
