"""Nights whose predictions a withdrawn version made are scored again, by the real steps over real data."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from nightshift import cli
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.adapters.s3.manifests import Manifest, load_manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.commands.rescore import list_published
from nightshift.context import ModelContext, open_context
from nightshift.definition import Model, Schedule, Window
from nightshift.lake import tables
from nightshift.promotion.set_champion import Request, set_champion
from nightshift.results import Result
from nightshift.settings import RunSettings

FIRST, SECOND, THIRD = (date(2013, 2, day) for day in (17, 18, 19))
RunStep = Callable[..., Result[Any]]
pytestmark = pytest.mark.usefixtures("fresh_in_process")


@pytest.fixture
def scored(run_step: RunStep, landed: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Version 1 scored FIRST, version 2 took over and scored SECOND and THIRD, and was then withdrawn."""
    module = import_module("models.shops.estimator")
    honest = module.estimator
    monkeypatch.setattr("nightshift.catalog.load_model", lambda _: landed)  # the partitions of this test's bucket
    for night, trees in ((FIRST, 2), (SECOND, 25)):
        monkeypatch.setattr(module, "estimator", lambda seed, trees=trees: honest(seed).set_params(max_iter=trees))
        for verb in ("train", "evaluate", "promote", "score"):
            assert run_step(verb, night).outcome == "done"
    monkeypatch.setattr(module, "estimator", lambda seed: honest(seed).set_params(max_iter=1))
    for verb in ("train", "evaluate", "promote", "score"):
        run_step(verb, THIRD)
    return landed


@pytest.fixture
def withdrawn(scored: Model, store: ObjectStore, registry: Registry) -> Model:
    """The same, with version 2 withdrawn."""
    created = set_champion(ModelContext("shops", store, registry), Request("previous", "it is bad", Cause(by="a test")))
    assert (created.entry.version, created.entry.withdraws) == (1, 2)
    return scored


def _published(store: ObjectStore, night: date) -> Manifest:
    manifest = load_manifest(store, store.build_uri(f"scores/shops/date={night.replace(day=night.day + 1)}/"))
    assert manifest is not None
    return manifest


def _versions(store: ObjectStore) -> list[Any]:
    return [_published(store, night).meta["version"] for night in (FIRST, SECOND, THIRD)]


def test_only_what_a_withdrawn_version_scored_is_scored_again(
    withdrawn: Model, store: ObjectStore, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _versions(store) == [1, 2, 2]
    before = _published(store, SECOND)
    assert cli.main(["rescore", withdrawn.name, "2013-02-16..2013-02-20"]) == 0
    assert _versions(store) == [1, 1, 1]
    after = _published(store, SECOND)
    assert after.meta["before"] == [
        {"version": 2, "published": before.published, "rows": 240, "attempt": before.attempt}
    ]
    assert _published(store, FIRST).meta["before"] == []
    table = tables.read(store, store.build_uri("scores/shops/date=2013-02-19/"))
    assert (len(table), set(table["model_version"])) == (240, {1})
    stored = step_results.load_any(store, "shops", SECOND, "score")
    assert stored is not None
    assert (stored.outcome, stored.detail.version) == ("done", 1)
    lines = [line.split(" ", 2)[2] for line in capsys.readouterr().out.splitlines() if "result:" not in line]
    assert "2013-02-16 left as it is: nothing was published for it" in lines
    assert "2013-02-17 left as it is: version 1 scored it, which is not withdrawn" in lines
    assert any(line.startswith("2013-02-18 done: 240 predictions of champion 1 for 2013-02-19") for line in lines)
    assert lines[-1] == "done: 2 nights of shops are scored again, 0 could not be"
    cards = {number: _card(registry, number) for number in (1, 2)}
    assert cards[1].count("| stands |") == 3
    assert cards[2].count("scored again by version 1") == 2


def _card(registry: Registry, number: int) -> str:
    folder = registry._run_folder(registry.load_version("shops", number).run_id)
    return registry.server.load_artifact(f"{folder}/model-card.md").decode()


@pytest.mark.slow
def test_a_second_rescore_finds_nothing_to_do(
    withdrawn: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert cli.main(["rescore", withdrawn.name, "2013-02-17..2013-02-19"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("done: 0 nights of shops are scored again, 0 could not be")
    assert len(_published(store, SECOND).meta["before"]) == 1


@pytest.mark.slow
def test_a_rejected_night_does_not_stop_the_others(
    withdrawn: Model, store: ObjectStore, source: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tables.write_partition(
        store, withdrawn.scheduled.build_partition_uri(date(2013, 2, 19)), source.make_openings(THIRD).head(9)
    )
    assert cli.main(["rescore", withdrawn.name, "2013-02-17..2013-02-19"]) == 10
    assert _versions(store) == [1, 2, 1]
    out = capsys.readouterr().out
    assert "2013-02-18 rejected: " in out
    assert out.splitlines()[-1].endswith("done: 1 nights of shops are scored again, 1 could not be")


@pytest.mark.slow
def test_all_means_also_what_another_version_scored(
    scored: Model, store: ObjectStore, registry: Registry, run_step: RunStep
) -> None:
    other = run_step("train", FIRST, code_version="newer").detail.version
    request = Request(str(other), "by hand", Cause(by="a test"), unverified=True)
    assert set_champion(ModelContext("shops", store, registry), request).entry.withdraws is None
    assert cli.main(["rescore", scored.name, "2013-02-17..2013-02-19"]) == 0
    assert _versions(store) == [1, 2, 2]
    assert cli.main(["rescore", scored.name, "2013-02-17..2013-02-19", "--all"]) == 0
    assert _versions(store) == [other, other, other]


@pytest.mark.slow
def test_score_alone_follows_the_withdrawal_too(withdrawn: Model, store: ObjectStore, run_step: RunStep) -> None:
    assert withdrawn.name == "shops"
    result = run_step("score", SECOND)
    assert (result.outcome, result.detail.version, result.detail.reused) == ("done", 1, False)
    assert _versions(store) == [1, 1, 2]


@pytest.mark.slow
def test_where_the_store_fails_it_stops(
    withdrawn: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    assert cli.main(["rescore", withdrawn.name, "2013-02-17..2013-02-19"]) == 75
    assert "could not be reached" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("nights", ["2013-02-17", "2013-02-19..2013-02-17", "yesterday..today"])
def test_nights_that_are_none_are_refused(store: ObjectStore, model: Model, nights: str) -> None:
    assert (store.bucket != "", model.name) == (True, "shops")
    assert cli.main(["rescore", "shops", nights]) == 20


def test_of_a_weekly_model_only_days_that_were_scored_are_looked_at(
    store: ObjectStore, model: Model, registry: Registry
) -> None:
    weekly = replace(model, window=Window(train_days=14, holdout_days=28), schedule=Schedule(cron="0 0 * * 1", days=7))
    step = open_context(weekly, date(2013, 2, 2), store, RunSettings())
    for night in ("2013-02-10", "2013-02-17"):
        meta = {"version": 3, "before": []}
        stored = Manifest(attempt="a", files=(), rows=7, published="2013-02-11T00:00:00+00:00", meta=meta)
        store.put(store.build_uri(f"scores/shops/date={night}/_MANIFEST.json"), stored.to_json())
    actual = [(night.context.night.isoformat(), night.published) for night in list_published(step, date(2013, 2, 28))]
    assert actual == [("2013-02-03", 3), ("2013-02-10", 3)]
    assert registry.find_champion("shops") is None
