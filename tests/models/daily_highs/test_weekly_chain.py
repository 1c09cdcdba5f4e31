"""The whole chain over weeks of the real record: real object storage, a real registry, every step by its command."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from models.daily_highs import source
from models.daily_highs.definition import MODEL
from nightshift import cli
from nightshift.adapters.mlflow.connection import NotFound
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import DONE, BadConfig, DataRejected, NothingToDo
from nightshift.lake import tables
from nightshift.promotion.approval import digest_record
from nightshift.results import Result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:Series.values:Warning"),  # Great Expectations with pandas 3
]
WEEK = timedelta(days=7)
FIRST_WEEK, FIRST, SECOND = date(2012, 1, 8), date(2013, 4, 28), date(2013, 5, 5)
# Two years later the first champion knows nothing of the warm years between: a clear win.
CORRUPTED, BETTER = date(2015, 6, 14), date(2015, 7, 26)
LEARNED_FROM = BETTER - (52 + 13 + 4) * WEEK


@dataclass(frozen=True)
class Chain:
    """The command line, and what it left behind."""

    store: ObjectStore
    registry: Registry

    def run(self, verb: str, night: date, *more: str) -> int:
        return cli.main([verb, MODEL.name, night.isoformat(), *more])

    def decide(self, night: date, outcome: str) -> int:
        about = digest_record(self.detail("evaluate", night))
        return self.run("promote", night, "--decision", outcome, "--decided-by", "Reader", "--about", about)

    def result(self, verb: str, night: date) -> Result[Any]:
        result = step_results.load_any(self.store, MODEL.name, night, verb)
        assert result is not None
        return result

    def detail(self, verb: str, night: date) -> Any:
        return self.result(verb, night).detail

    def scores(self, night: date) -> pd.DataFrame:
        return tables.read(self.store, self.store.build_uri(f"scores/{MODEL.name}/date={night.isoformat()}/"))


@pytest.fixture
def chain(store: ObjectStore, mlflow_environment: str) -> Iterator[Chain]:  # noqa: ARG001 - sets the environment
    """The record in the session's lake until BETTER, a registry that knows nothing of it; the lake is left empty."""
    registry = Registry()
    with suppress(NotFound):
        registry.server._send("DELETE", "/api/2.0/mlflow/registered-models/delete", b'{"name": "daily_highs"}', 1)
    seeded = cli.main(["seed", MODEL.name, "--dates", "original", "--nights", f"{FIRST_WEEK}..{BETTER}"])
    assert seeded == DONE
    yield Chain(store, registry)
    for dataset in MODEL.datasets:
        store.delete([stored.uri for stored in store.list_objects(dataset.uri.split("date=")[0])])


def test_weeks_are_promoted_refused_blocked_and_asked_about(chain: Chain) -> None:
    assert cli.main(["validate", MODEL.name, f"{FIRST_WEEK}..{SECOND}"]) == DONE

    _the_first_champion_waits_for_a_person(chain)
    _another_week_does_not_win(chain)
    _a_broken_week_blocks_itself_only(chain)
    _a_winner_that_somebody_rejects_does_not_reign(chain)


def _the_first_champion_waits_for_a_person(chain: Chain) -> None:
    assert [chain.run(verb, FIRST) for verb in ("train", "evaluate")] == [DONE, DONE]
    trained, judged = chain.detail("train", FIRST), chain.detail("evaluate", FIRST)
    assert len(trained.train_nights) == 52
    assert trained.train_nights[-1] == date(2013, 1, 27)
    assert (len(trained.holdout_nights), trained.holdout_rows) == (13, 91)
    assert 1.5 < trained.metrics["mae"] < trained.metrics["rmse"] < MODEL.gate.floor
    assert judged.verdict.promote
    assert judged.verdict.metric == "mae"
    assert chain.run("promote", FIRST) == BadConfig.exit_code
    assert chain.registry.find_champion(MODEL.name) is None
    assert chain.decide(FIRST, "approved") == DONE
    champion = chain.registry.find_champion(MODEL.name)
    assert champion is not None
    assert champion.number == trained.version
    assert chain.run("score", FIRST) == DONE
    scored, truth = chain.scores(FIRST + WEEK), source.load_frames()["observed"][FIRST + WEEK]
    assert scored["day"].tolist() == truth["day"].tolist()
    assert scored["prediction"].between(10, 22).all()  # a week of May; the real one ended in a heat wave


def _another_week_does_not_win(chain: Chain) -> None:
    assert [chain.run(verb, SECOND) for verb in ("train", "evaluate")] == [DONE, DONE]
    verdict = chain.detail("evaluate", SECOND).verdict
    assert not verdict.promote
    assert {slice_gain.group for slice_gain in verdict.slices} == {"days 1 to 3", "days 4 to 7"}
    assert chain.run("promote", SECOND) == NothingToDo.exit_code
    assert chain.run("score", SECOND) == DONE
    assert set(chain.scores(SECOND + WEEK)["model_version"]) == {chain.detail("train", FIRST).version}


def _a_broken_week_blocks_itself_only(chain: Chain) -> None:
    assert cli.main(["seed", MODEL.name, "--corrupt", CORRUPTED.isoformat()]) == DONE
    assert chain.run("validate", CORRUPTED) == DataRejected.exit_code
    failed = {f.expectation for d in chain.detail("validate", CORRUPTED).datasets for f in d.failures}
    assert failed == {"key_is_unique", "expect_column_values_to_be_unique", "expect_column_values_to_be_between"}
    assert chain.run("train", CORRUPTED) == DataRejected.exit_code


def _a_winner_that_somebody_rejects_does_not_reign(chain: Chain) -> None:
    assert cli.main(["validate", MODEL.name, f"{LEARNED_FROM}..{CORRUPTED - WEEK}"]) == DONE
    assert cli.main(["validate", MODEL.name, f"{CORRUPTED + WEEK}..{BETTER}"]) == DONE
    assert [chain.run(verb, BETTER) for verb in ("train", "evaluate")] == [DONE, DONE]
    assert [item.night for item in chain.detail("train", BETTER).left_out] == [CORRUPTED]
    judged = chain.detail("evaluate", BETTER)
    assert judged.verdict.promote, judged.verdict.reason
    assert chain.decide(BETTER, "rejected") == NothingToDo.exit_code
    assert chain.run("score", BETTER) == DONE  # what is asked of the week after was landed with this one
    assert set(chain.scores(BETTER + WEEK)["model_version"]) == {chain.detail("train", FIRST).version}
    entries = list(Ledger(chain.store, MODEL.name).iterate_newest_first())[::-1]
    assert [entry.kind for entry in entries] == ["promotion", "refusal", "refusal"]
    last = entries[-1]
    assert last.decision is not None
    assert (last.decision.outcome, last.decision.by) == ("rejected", "Reader")
    assert last.champion_version == chain.detail("train", FIRST).version


def test_a_day_that_is_no_sunday_is_refused_before_anything_is_read(chain: Chain) -> None:
    assert chain.run("validate", date(2013, 4, 30)) == BadConfig.exit_code
    assert "give 2013-04-28 or 2013-05-05" in chain.result("validate", date(2013, 4, 30)).summary
