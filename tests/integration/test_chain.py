"""The chain through Airflow: real object storage, a real registry, real pods. Fixed dates, the data as it happened.

One night that makes the first champion, later nights that are compared with it, and one whose data is corrupted.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from embedded import ROOT, Airflow, Ran, Run, embedded_cluster
from local_platform.services import s3_service as s3_server
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.result import key_of
from nightshift.settings import StorageSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

HISTORY = "2013-01-05..2013-02-23"  # 28 days to learn from, 7 to compare on, 14 to look back over
FIRST, SECOND, CORRUPTED = "2013-02-24", "2013-02-25", "2013-02-26"
BUCKET = "chain"
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class Chain:
    """What came of the three nights, and where their results are."""

    ran: Ran
    store: ObjectStore

    def states(self, night: str) -> dict[str, str]:
        return self.ran.states[(FIRST, SECOND, CORRUPTED).index(night)]

    def result(self, night: str, verb: str) -> dict[str, Any]:
        uri = self.store.uri(key_of("flights", date.fromisoformat(night), verb))
        found: dict[str, Any] | None = self.store.get_json(uri)
        assert found is not None, f"{verb} of {night} left no result"
        return found


def nightshift(environment: dict[str, str], *words: str) -> None:
    """A step's command outside of any pod."""
    command = [str(Path(sys.executable).parent / "nightshift"), *words]
    environment = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def chain(
    s3: dict[str, str], s3_storage: s3_server.S3Server, mlflow_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    s3_server.make_client(s3_storage).create_bucket(Bucket=BUCKET)
    steps = {
        **s3,
        "NIGHTSHIFT_S3_BUCKET": BUCKET,
        "MLFLOW_TRACKING_URI": mlflow_server,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    nightshift(steps, "seed", "flights", "--dates", "original", "--nights", "2013-01-05..2013-02-27")
    nightshift(steps, "seed", "flights", "--corrupt", CORRUPTED)
    nightshift(steps, "validate", "flights", HISTORY)
    values = {name: value for name, value in steps.items() if name not in SECRETS}
    home = tmp_path_factory.mktemp("chain")
    with embedded_cluster(home, values, {name: steps[name] for name in SECRETS}) as cluster:
        airflow = Airflow(home, ROOT / "dags", cluster.kubeconfig)
        airflow.migrate()
        runs = [Run({"night": night}) for night in (FIRST, SECOND, CORRUPTED)]
        ran = airflow.run("flights_nightly", *runs, timeout=1200)
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.setenv(name, steps[name])
        yield Chain(ran, ObjectStore(StorageSettings(endpoint=s3["NIGHTSHIFT_S3_ENDPOINT"], bucket=BUCKET)))


def test_the_first_night_makes_a_champion_that_scores(chain: Chain) -> None:
    assert set(chain.states(FIRST).values()) == {"success"}, chain.ran.log[-8000:]
    promoted = chain.result(FIRST, "promote")["detail"]
    assert promoted["promoted"] is True
    assert promoted["champion_night"] == FIRST
    scored = chain.result(FIRST, "score")["detail"]
    assert scored["version"] == promoted["champion_version"]
    assert scored["scored_night"] == SECOND
    assert scored["rows"] > 500


def test_the_second_night_is_scored_with_whichever_champion_stands(chain: Chain) -> None:
    verdict = chain.result(SECOND, "evaluate")["detail"]["verdict"]
    promoted = chain.result(SECOND, "promote")
    states = chain.states(SECOND)
    assert verdict["champion"] is not None
    assert promoted["detail"]["promoted"] is verdict["promote"]
    assert states["promote"] == ("success" if verdict["promote"] else "skipped")
    assert {state for task, state in states.items() if task != "promote"} == {"success"}
    assert chain.result(SECOND, "score")["detail"]["version"] == promoted["detail"]["champion_version"]


def test_a_corrupted_night_is_blocked_and_nothing_runs_after_it(chain: Chain) -> None:
    assert chain.states(CORRUPTED) == {
        "validate": "failed",
        **dict.fromkeys(("train", "evaluate", "promote", "score"), "upstream_failed"),
    }
    result = chain.result(CORRUPTED, "validate")
    assert result["outcome"] == "rejected"
    failed = [entry for entry in result["detail"]["datasets"] if entry["failed"]]
    assert failed
    assert all(entry["page"] for entry in failed)
    assert any("(exit 10: the data was rejected" in error for error in chain.ran.errors)


def test_every_result_names_the_run_that_caused_it(chain: Chain) -> None:
    for verb in ("validate", "train", "evaluate", "promote", "score"):
        assert chain.result(FIRST, verb)["caused_by"].startswith("flights_nightly:manual__")


def test_no_secret_is_in_any_log(chain: Chain, s3: dict[str, str]) -> None:
    assert "promote" in chain.ran.log
    assert s3["AWS_SECRET_ACCESS_KEY"] not in chain.ran.log
