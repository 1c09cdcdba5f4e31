from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib import import_module
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from nightshift.adapters.mlflow.load_version import load_columns
from nightshift.adapters.mlflow.registry import SHA256, Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import ModelContext
from nightshift.definition import Gate, Model
from nightshift.promotion.append_decision import Proposal, append_to
from nightshift.promotion.build_entry import build_refusal
from nightshift.promotion.champion_state import read_state
from nightshift.promotion.set_champion import Request, set_champion
from nightshift.result_parts import LeftOutNight
from nightshift.results import Result

BEFORE, AFTER = date(2013, 2, 18), date(2013, 2, 19)
RunStep = Callable[..., Result[Any]]
in_process = pytest.mark.usefixtures("fresh_in_process")


@pytest.fixture
def strength(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many trees a challenger has: with one it is weak, with 25 it is strong."""
    module = import_module("models.shops.estimator")
    honest = module.estimator

    def strength(trees: int) -> None:
        monkeypatch.setattr(module, "estimator", lambda seed: honest(seed).set_params(max_iter=trees))

    return strength


@pytest.fixture
def champion(run_step: RunStep, strength: Callable[[int], None]) -> Callable[[int], int]:
    """Makes the challenger of the night before champion, with that many trees; returns its version."""

    def champion(trees: int) -> int:
        strength(trees)
        for verb in ("train", "evaluate", "promote"):
            result = run_step(verb, BEFORE)
            assert result.outcome == "done", result.summary
        version: int = result.detail.champion_version
        return version

    return champion


def _checks(result: Result[Any]) -> dict[str, bool]:
    return {check.name: check.passed for check in result.detail.verdict.checks}


def _judged(run_step: RunStep, strength: Callable[[int], None], trees: int) -> Result[Any]:
    strength(trees)
    assert run_step("train", AFTER).outcome == "done"
    result = run_step("evaluate", AFTER)
    assert result.outcome == "done", result.summary
    return result


def test_the_first_challenger_is_judged_without_a_champion(run_step: RunStep, strength: Callable[[int], None]) -> None:
    result = _judged(run_step, strength, 25)
    verdict = result.detail.verdict
    assert verdict.promote, result.summary
    assert (verdict.champion, verdict.gain, verdict.interval) == (None, None, None)
    assert _checks(result) == {"floor": True, "finite": True, "in_range": True, "calibrated": True, "reloads": True}


def test_a_better_challenger_wins(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], registry: Registry
) -> None:
    weak = champion(2)
    result = _judged(run_step, strength, 25)
    detail, verdict = result.detail, result.detail.verdict
    assert verdict.promote, result.summary
    assert (detail.champion_version, detail.champion_night) == (weak, BEFORE)
    assert detail.rows == 5 * 222
    assert 0 < verdict.interval[0] < verdict.gain < verdict.interval[1]
    assert verdict.gain == pytest.approx(verdict.champion - verdict.challenger)
    assert {slice_gain.group for slice_gain in verdict.slices} == {"north", "south"}
    tags = registry.load_version("shops", detail.challenger_version).tags
    assert (tags["nightshift.verdict"], tags["nightshift.compared_with"]) == ("promote", str(weak))
    folder = registry._run_folder(detail.run_id)
    assert registry.server.load_artifact(f"{folder}/pictures/verdict.png").startswith(b"\x89PNG")


@in_process
def test_a_worse_challenger_is_refused_and_the_step_is_green(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], registry: Registry
) -> None:
    champion(25)
    result = _judged(run_step, strength, 2)
    assert not result.detail.verdict.promote
    assert not _checks(result)["better"]
    assert "is refused against champion" in result.summary
    assert registry.load_version("shops", result.detail.challenger_version).tags["nightshift.verdict"] == "refuse"


@in_process
def test_the_same_model_again_is_refused(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int]
) -> None:
    """The champion is compared with something else than itself, and a model that learnt nothing new does not win."""
    current = champion(25)
    strength(25)
    assert run_step("train", BEFORE, code_version="same again").detail.version != current
    verdict = run_step("evaluate", BEFORE, code_version="same again").detail.verdict
    assert verdict.gain == 0
    assert not verdict.promote


@in_process
def test_a_verdict_can_be_computed_again(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], store: ObjectStore
) -> None:
    champion(2)
    first = _judged(run_step, strength, 25)
    assert run_step("evaluate", AFTER).detail == replace(first.detail, reused=True)
    store.delete([store.build_uri("runs/shops/2013-02-19/evaluate.json")])
    assert run_step("evaluate", AFTER).detail == first.detail


@in_process
def test_a_verdict_holds_all_that_it_takes_to_compute_it_again(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], landed: Model
) -> None:
    champion(2)
    detail = _judged(run_step, strength, 25).detail
    assert Gate(**detail.gate) == landed.gate
    assert detail.task == "classification"
    assert set(detail.inputs) == {
        *(
            landed.facts.build_partition_uri(date(2013, 2, day)) for day in range(13, 20)
        ),  # with two nights to look back on
        *(landed.scheduled.build_partition_uri(date(2013, 2, day)) for day in range(15, 20)),
    }


@in_process
def test_a_verdict_is_found_again_though_a_night_became_usable_since(
    run_step: RunStep, strength: Callable[[int], None], landed: Model, source: Any, store: ObjectStore
) -> None:
    late = date(2013, 2, 16)
    source.save_validation(store, landed, late, outcome="rejected", failed=1)
    first = _judged(run_step, strength, 25)
    assert date(2013, 2, 16) not in first.detail.holdout_nights
    source.save_validation(store, landed, late)
    assert run_step("evaluate", AFTER).detail == replace(first.detail, reused=True)


@in_process
def test_a_night_whose_holdout_changed_is_judged_again_unless_it_was_promoted_upon(
    run_step: RunStep, strength: Callable[[int], None], landed: Model, source: Any, store: ObjectStore
) -> None:
    first = _judged(run_step, strength, 25)
    source.save_validation(store, landed, date(2013, 2, 16), outcome="rejected", failed=1)
    second = run_step("evaluate", AFTER)
    assert date(2013, 2, 16) not in second.detail.holdout_nights
    assert second.detail.idempotency_key != first.detail.idempotency_key
    assert run_step("promote", AFTER).outcome == "done"
    source.save_validation(store, landed, date(2013, 2, 17), outcome="rejected", failed=1)
    assert run_step("evaluate", AFTER).detail == replace(second.detail, reused=True)


@in_process
def test_a_night_that_is_judged_again_after_its_promotion_does_not_meet_itself(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], store: ObjectStore
) -> None:
    weak = champion(2)
    first = _judged(run_step, strength, 25)
    assert run_step("promote", AFTER).outcome == "done"
    store.delete([store.build_uri("runs/shops/2013-02-19/evaluate.json")])
    second = run_step("evaluate", AFTER)
    assert second.detail.champion_version == weak
    assert second.detail.verdict == first.detail.verdict


@in_process
def test_of_what_was_decided_after_a_promotion_nothing_is_read_to_find_its_verdict(
    run_step: RunStep,
    strength: Callable[[int], None],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    ledger: Ledger,
) -> None:
    first = _judged(run_step, strength, 25)
    assert run_step("promote", AFTER).outcome == "done"
    version = registry.load_version("shops", first.detail.challenger_version)
    for reason in ("it lost", "it lost again"):
        state = read_state(ledger)
        refused = build_refusal(state, "refusal", replace(version, number=99), reason, Cause(by="a test"))
        assert append_to(ledger, state, Proposal(refused)) is not None
    assert run_step("evaluate", AFTER).detail.reused  # the sync that comes first is done with these entries
    honest, read = Ledger.read_entry, set[int]()

    def read_entry(ledger: Ledger, number: int) -> tuple[Entry, str]:
        read.add(number)
        return honest(ledger, number)

    monkeypatch.setattr(Ledger, "read_entry", read_entry)
    assert run_step("evaluate", AFTER).detail == replace(first.detail, reused=True)
    assert read == {1, 3}  # the last entry says who is champion


@in_process
def test_a_version_that_was_given_the_number_of_a_promoted_one_is_judged_itself(
    run_step: RunStep, strength: Callable[[int], None], registry: Registry, store: ObjectStore
) -> None:
    first = _judged(run_step, strength, 25)
    assert run_step("promote", AFTER).outcome == "done"
    registry.server._send("DELETE", "/api/2.0/mlflow/registered-models/delete", b'{"name": "shops"}', 1)
    registry.server.post("runs/delete", {"run_id": first.detail.run_id})
    assert run_step("train", AFTER).detail.version == first.detail.challenger_version
    refused = run_step("evaluate", AFTER)
    assert "MLflow gave its number to another version" in refused.last_summary
    set_champion(ModelContext("shops", store, registry), Request("none", "MLflow was made anew", Cause(by="a test")))
    second = run_step("evaluate", AFTER)
    assert not second.detail.reused
    assert second.detail.run_id == registry.load_version("shops", 1).run_id != first.detail.run_id


def test_a_challenger_whose_file_was_altered_is_refused(
    run_step: RunStep, strength: Callable[[int], None], registry: Registry
) -> None:
    strength(25)
    version = registry.load_version("shops", run_step("train", AFTER).detail.version)
    path = f"{registry.build_files_path(version)}/model.skops"
    registry.server.put_artifact(path, registry.server.load_artifact(path)[:-10])
    result = run_step("evaluate", AFTER)
    assert not result.detail.verdict.promote
    assert "digest error" in result.summary


@in_process
def test_a_challenger_that_predicts_otherwise_after_loading_is_refused(
    run_step: RunStep, strength: Callable[[int], None], registry: Registry
) -> None:
    """The file and its tag are those of another model: only what was predicted before it was stored can tell."""
    strength(2)
    weak = registry.load_version("shops", run_step("train", AFTER).detail.version)
    strength(25)
    strong = registry.load_version("shops", run_step("train", AFTER, code_version="newer").detail.version)
    other = registry.server.load_artifact(f"{registry.build_files_path(weak)}/model.skops")
    registry.server.put_artifact(f"{registry.build_files_path(strong)}/model.skops", other)
    registry.tag_version(strong, {SHA256: weak.tags[SHA256]})
    result = run_step("evaluate", AFTER, code_version="newer")
    assert {name for name, passed in _checks(result).items() if not passed} == {"reloads"}
    assert "does not predict the same" in result.summary


@in_process
def test_a_champion_whose_features_are_gone_cannot_be_beaten_unseen(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(2)
    code = import_module("models.shops.features")
    honest = code.features
    monkeypatch.setattr(code, "features", lambda *given: honest(*given).drop(columns=["recent"]))
    result = _judged(run_step, strength, 25)
    assert not result.detail.verdict.promote
    assert "needs the features recent, which are gone" in result.summary


@in_process
def test_a_retired_feature_is_made_for_the_champion_alone(
    run_step: RunStep,
    strength: Callable[[int], None],
    champion: Callable[[int], int],
    monkeypatch: pytest.MonkeyPatch,
    registry: Registry,
) -> None:
    champion(2)
    monkeypatch.setattr("models.shops.features.RETIRED", ("recent",), raising=False)
    result = _judged(run_step, strength, 25)
    assert result.detail.verdict.promote, result.summary
    new = registry.load_version("shops", result.detail.challenger_version)
    assert load_columns(registry, new) == ("hour", "stock", "weekday")
    assert run_step("promote", AFTER).outcome == run_step("score", AFTER).outcome == "done"


@in_process
def test_a_challenger_with_more_features_is_compared(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(2)
    code = import_module("models.shops.features")
    honest = code.features
    monkeypatch.setattr(
        code, "features", lambda *given: honest(*given).assign(anew=1.0)[["anew", *_columns(honest, given)]]
    )
    assert _judged(run_step, strength, 25).detail.verdict.promote


@in_process
def test_nights_that_the_champion_learnt_from_are_not_in_the_comparison(
    run_step: RunStep, strength: Callable[[int], None], champion: Callable[[int], int], landed: Model
) -> None:
    """A definition with a longer holdout reaches back into what the champion was trained on."""
    champion(2)
    strength(25)
    wider = replace(landed, window=replace(landed.window, holdout_days=7, train_days=4))
    assert run_step("train", AFTER, model=wider).outcome == "done"
    result = run_step("evaluate", AFTER, model=wider)
    assert result.detail.holdout_nights == tuple(date(2013, 2, day) for day in range(14, 20))
    reason = "a version of the comparison was trained up to 2013-02-13"
    assert result.detail.left_out == (LeftOutNight(night=date(2013, 2, 13), reason=reason),)


@in_process
def test_a_regression_goes_the_same_way(run_step: RunStep, landed: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "models.shops.estimator.estimator", lambda seed: HistGradientBoostingRegressor(max_iter=20, random_state=seed)
    )
    gate = Gate(metric="rmse", floor=0.45, slices=("region",), max_slice_loss=0.1)
    shares = replace(landed, task="regression", gate=gate)
    for verb in ("train", "evaluate", "promote", "score"):
        result = run_step(verb, model=shares)
        assert result.outcome == "done", result.summary
    verdict = run_step("evaluate", model=shares).detail.verdict
    assert verdict.metric == "rmse"
    assert 0.1 < verdict.challenger < 0.45


def test_without_a_trained_challenger_it_says_what_to_run(run_step: RunStep) -> None:
    result = run_step("evaluate", AFTER)
    assert result.outcome == "bad_config"
    assert "run `nightshift train shops 2013-02-19` first" in result.summary


def _columns(features: Any, given: Any) -> list[str]:
    return list(features(*given).columns)
