from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from nightshift.adapters.mlflow.load_version import load
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.manifests import load_manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import Model
from nightshift.lake import tables
from nightshift.lake.validated_nights import Lake
from nightshift.modelling.examples import load_scheduled_features
from nightshift.modelling.predict import predict
from nightshift.results import Result

NIGHT, SCORED = date(2013, 2, 19), date(2013, 2, 20)
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
RunStep = Callable[..., Result[Any]]
pytestmark = pytest.mark.usefixtures("fresh_in_process")


@pytest.fixture
def champion(run_step: RunStep) -> int:
    """The version that NIGHT promoted."""
    for verb in ("train", "evaluate", "promote"):
        result = run_step(verb)
    version: int = result.detail.champion_version
    return version


@pytest.fixture
def partition(store: ObjectStore) -> str:
    """Where the predictions for SCORED stand."""
    return store.build_uri("scores/shops/date=2013-02-20/")


def test_every_scheduled_row_of_the_next_day_is_scored(
    run_step: RunStep, champion: int, store: ObjectStore, partition: str, source: Any, registry: Registry, landed: Model
) -> None:
    result = run_step("score")
    assert result.outcome == "done", result.summary
    assert (result.detail.version, result.detail.rows) == (champion, 240)
    scores = tables.read(store, partition)
    assert list(scores.columns) == ["shop", "hour", "night", "prediction", "model_version"]
    plan = source.make_openings(SCORED)
    pd.testing.assert_frame_equal(scores[["shop", "hour"]], plan[["shop", "hour"]])
    assert set(scores["night"]) == {pd.Timestamp("2013-02-20")}
    assert set(scores["model_version"]) == {champion}
    loaded = load(registry, registry.load_version("shops", champion), TRUSTED)
    _, features = load_scheduled_features(Lake(store, landed), SCORED)
    assert scores["prediction"].tolist() == pytest.approx(predict(loaded.estimator, "classification", features))
    assert scores["prediction"].nunique() > 10


def test_a_second_run_leaves_the_manifest_alone(
    run_step: RunStep, champion: int, store: ObjectStore, partition: str
) -> None:
    first = run_step("score")
    before = load_manifest(store, partition)
    second = run_step("score")
    after = load_manifest(store, partition)
    assert before is not None
    assert after is not None
    assert before.etag == after.etag
    assert second.detail == replace(first.detail, reused=True)
    assert first.detail.version == champion


def test_a_schedule_that_was_corrected_is_scored_again(
    run_step: RunStep, champion: int, store: ObjectStore, partition: str, source: Any, landed: Model
) -> None:
    run_step("score")
    tables.write_partition(store, landed.scheduled.build_partition_uri(SCORED), source.make_openings(SCORED).head(100))
    refused = run_step("score")
    assert refused.outcome == "rejected"
    assert "date=2013-02-20/ changed after it was validated" in refused.summary
    assert len(tables.read(store, partition)) == 240
    source.save_validation(store, landed, NIGHT)
    assert run_step("score").detail.rows == 100
    assert len(tables.read(store, partition)) == 100
    assert champion


def test_a_schedule_that_is_missing_is_rejected(
    run_step: RunStep, champion: int, store: ObjectStore, source: Any, landed: Model, partition: str
) -> None:
    store.delete([landed.scheduled.build_partition_uri(SCORED) + "part-0.parquet"])
    result = run_step("score")
    assert result.outcome == "rejected"
    source.save_validation(store, landed, NIGHT)  # even where a validation let it pass
    result = run_step("score")
    assert result.outcome == "rejected"
    assert "holds no Parquet file" in result.summary
    assert load_manifest(store, partition) is None
    assert champion


def test_after_a_refusal_the_champion_that_stands_scores(
    run_step: RunStep, champion: int, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.shops.estimator.estimator", _weak)
    for verb in ("train", "evaluate", "promote"):
        result = run_step(verb, SCORED)
    assert result.outcome == "nothing_to_do"
    scored = run_step("score", SCORED)
    assert scored.outcome == "done", scored.summary
    assert scored.detail.version == champion
    assert len(tables.read(store, store.build_uri("scores/shops/date=2013-02-21/"))) == 240


def test_the_model_card_tells_what_was_scored_since_the_decision(
    run_step: RunStep, champion: int, registry: Registry
) -> None:
    folder = registry._run_folder(registry.load_version("shops", champion).run_id)
    assert "| 2013-02-20 | 240 |" not in registry.server.load_artifact(f"{folder}/model-card.md").decode()
    assert run_step("score").outcome == "done"
    assert "| 2013-02-20 | 240 |" in registry.server.load_artifact(f"{folder}/model-card.md").decode()


def test_without_a_champion_there_is_nothing_to_do(run_step: RunStep, landed: Model) -> None:
    out_of_reach = replace(landed, gate=replace(landed.gate, floor=0.01))
    for verb in ("train", "evaluate", "promote"):
        result = run_step(verb, model=out_of_reach)
    assert (result.outcome, result.detail.champion_version) == ("nothing_to_do", None)
    assert run_step("score", model=out_of_reach).outcome == "nothing_to_do"


def test_without_a_promotion_step_it_says_what_to_run(run_step: RunStep) -> None:
    result = run_step("score")
    assert result.outcome == "bad_config"
    assert "run `nightshift promote shops 2013-02-19` first" in result.summary


def _weak(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=2, random_state=seed)
