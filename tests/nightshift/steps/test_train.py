import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

import models
from nightshift import catalog
from nightshift.adapters.mlflow.connection import Server
from nightshift.adapters.mlflow.registry import KEY, NIGHT, SHA256, TRAINED_TO, Registry
from nightshift.adapters.mlflow.training_run import TrainingRun
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import Model
from nightshift.lake import tables
from nightshift.results import Result
from nightshift.stored_records import to_plain

NIGHT_OF_TEST = date(2013, 2, 19)
RunStep = Callable[..., Result[Any]]


@pytest.fixture
def runs(mlflow_environment: str) -> Callable[[str], list[Run]]:
    """The runs with an idempotency key."""
    client = MlflowClient(mlflow_environment)

    def runs(key: str) -> list[Run]:
        experiment = client.get_experiment_by_name("shops")
        return list(client.search_runs([experiment.experiment_id], f"tags.`{KEY}` = '{key}'"))

    return runs


def test_one_run_and_one_version_with_all_that_it_takes_to_trust_them(
    run_step: RunStep, registry: Registry, runs: Callable[[str], list[Run]]
) -> None:
    result = run_step("train", image="steps@sha256:1")
    assert result.outcome == "done", result.summary
    detail = result.detail
    version, [run] = registry.load_version("shops", detail.version), runs(detail.idempotency_key)
    assert (run.info.run_id, run.info.status) == (detail.run_id, "FINISHED")
    assert version.run_id == run.info.run_id
    assert version.tags[NIGHT] == "2013-02-19"
    assert version.tags[TRAINED_TO] == "2013-02-14"
    assert detail.train_nights == tuple(date(2013, 2, day) for day in range(9, 15))
    assert detail.holdout_nights == tuple(date(2013, 2, day) for day in range(15, 20))
    assert (detail.rows, detail.holdout_rows) == (6 * 222, 5 * 222)  # three of forty shops have no label
    assert run.data.params["max_iter"] == "25"
    assert run.data.tags["nightshift.image"] == "steps@sha256:1"
    assert run.data.metrics["log_loss"] == pytest.approx(detail.metrics["log_loss"])
    assert {i.dataset.name for i in run.inputs.dataset_inputs} == {"sales", "openings"}
    stored = registry.server.load_artifact(f"{registry.build_files_path(version)}/model.skops")
    assert hashlib.sha256(stored).hexdigest() == version.tags[SHA256] == detail.artifact_sha256


def test_what_is_kept_with_the_run(run_step: RunStep, registry: Registry, landed: Model) -> None:
    detail = run_step("train").detail
    folder = registry._run_folder(detail.run_id)
    for picture in ("roc", "calibration", "importance"):
        assert registry.server.load_artifact(f"{folder}/pictures/{picture}.png").startswith(b"\x89PNG")
    inputs = registry.load_attachment(detail.run_id, "inputs.json")
    assert inputs is not None
    assert set(inputs) == {
        *(
            landed.facts.build_partition_uri(date(2013, 2, day)) for day in range(7, 20)
        ),  # with two nights to look back on
        *(landed.scheduled.build_partition_uri(date(2013, 2, day)) for day in range(9, 20)),
    }
    assert "scikit-learn==" in registry.server.load_artifact(f"{folder}/environment.txt").decode()
    version = registry.load_version("shops", detail.version)
    assert "pickle" not in registry.server.load_artifact(
        f"{registry.build_files_path(version)}/MLmodel"
    ).decode().replace("pickled_model: model.skops", "")
    assert mlflow.models.get_model_info(f"models:/shops/{version.number}").signature is not None


def test_a_second_run_finds_the_first(run_step: RunStep, runs: Callable[[str], list[Run]], registry: Registry) -> None:
    first, second = run_step("train"), run_step("train")
    assert second.detail == replace(first.detail, reused=True)
    assert len(runs(first.detail.idempotency_key)) == 1
    assert _versions(registry) == [first.detail.version]


def test_a_night_that_became_usable_since_makes_no_second_version(
    run_step: RunStep,
    store: ObjectStore,
    landed: Model,
    source: Any,
    registry: Registry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In a backfill the nights of a window are validated in any order: a retry must find what was trained before."""
    late, looked_back_on = date(2013, 2, 12), date(2013, 2, 8)
    for night in (late, looked_back_on):
        source.save_validation(store, landed, night, outcome="rejected", failed=1)
    first = run_step("train")
    assert late not in first.detail.train_nights
    for night in (late, looked_back_on):
        source.save_validation(store, landed, night)
    with caplog.at_level("INFO"):
        second = run_step("train")
    assert second.detail == replace(first.detail, reused=True)
    assert _versions(registry) == [first.detail.version]
    assert f"night 2013-02-12 became usable after version {first.detail.version} was trained" in caplog.text


def test_a_night_that_is_no_longer_valid_makes_another_version(
    run_step: RunStep, store: ObjectStore, landed: Model, source: Any, registry: Registry
) -> None:
    first = run_step("train")
    source.save_validation(store, landed, date(2013, 2, 12), outcome="rejected", failed=1)
    second = run_step("train")
    assert not second.detail.reused
    assert date(2013, 2, 12) not in second.detail.train_nights
    # The night is put right: the first version holds again, and of two that hold it is always the first.
    source.save_validation(store, landed, date(2013, 2, 12))
    assert run_step("train").detail == replace(first.detail, reused=True)
    assert _versions(registry) == [first.detail.version, second.detail.version]


def test_other_code_and_other_data_are_other_work(
    run_step: RunStep, store: ObjectStore, landed: Model, source: Any, registry: Registry
) -> None:
    first = run_step("train")
    tags, code = registry.load_version("shops", first.detail.version).tags, catalog.digest_model("shops")
    assert (tags["nightshift.code_version"], tags["nightshift.model_code"]) == ("test", code)
    assert (first.model_code, first.detail.model_code) == (code, code)
    assert run_step("train", code_version="newer").detail.version > first.detail.version
    tables.write_partition(
        store, landed.facts.build_partition_uri(date(2013, 2, 11)), source.make_sales(date(2013, 2, 11), noise=9)
    )
    source.save_validation(store, landed, date(2013, 2, 11))
    assert not run_step("train").detail.reused
    assert len(_versions(registry)) == 3


def test_an_edited_model_is_other_work_even_when_nobody_named_a_new_version(
    run_step: RunStep, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = run_step("train")
    shutil.copytree(Path(__file__).parent / "fixture_models" / "shops", tmp_path / "shops")
    (tmp_path / "shops" / "estimator.py").open("a").write("# edited\n")
    monkeypatch.setattr(models, "__path__", [str(tmp_path)])
    assert run_step("train").detail.version != first.detail.version
    assert len(_versions(registry)) == 2


def test_nights_that_cannot_be_trusted_are_left_out_by_name(
    run_step: RunStep, store: ObjectStore, landed: Model, source: Any
) -> None:
    rejected, changed, forgotten = date(2013, 2, 10), date(2013, 2, 12), date(2013, 2, 17)
    source.save_validation(store, landed, rejected, outcome="rejected", failed=2)
    tables.write_partition(store, landed.facts.build_partition_uri(changed), source.make_sales(changed, noise=9))
    store.delete([store.build_uri(f"runs/shops/{forgotten}/validate.json")])
    detail = run_step("train").detail
    reasons = {str(item.night): item.reason for item in detail.left_out}
    assert set(reasons) == {"2013-02-10", "2013-02-12", "2013-02-17", "2013-02-18"}
    assert "ended as rejected: 2 of 6 expectations failed" in reasons["2013-02-10"]
    assert "date=2013-02-12/ changed after it was validated" in reasons["2013-02-12"]
    assert reasons["2013-02-17"] == "it was never validated"
    # The night before checks a schedule, so the one of the 18th was never checked either; that of the 11th was.
    assert "schedule was never validated" in reasons["2013-02-18"]
    assert detail.train_nights == tuple(date(2013, 2, day) for day in (9, 11, 13, 14))
    assert detail.holdout_nights == tuple(date(2013, 2, day) for day in (15, 16, 19))


def test_a_night_that_failed_validation_is_not_trained(
    run_step: RunStep, store: ObjectStore, landed: Model, source: Any
) -> None:
    source.save_validation(store, landed, NIGHT_OF_TEST, outcome="rejected", failed=1)
    result = run_step("train")
    assert result.outcome == "rejected"
    assert "night 2013-02-19 of model shops cannot be used" in result.summary


def test_an_attempt_that_died_before_registering_is_resumed(
    run_step: RunStep, runs: Callable[[str], list[Run]], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "register", _dies)
        assert run_step("train").outcome == "failed"
    experiment = MlflowClient().get_experiment_by_name("shops")
    assert MlflowClient().search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'") == []
    detail = run_step("train").detail
    [run] = runs(detail.idempotency_key)
    assert run.info.status == "FINISHED"
    assert _versions(registry) == [detail.version]
    logged = MlflowClient().search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert len(logged) == 1


def test_an_attempt_that_died_after_registering_is_found(
    run_step: RunStep, runs: Callable[[str], list[Run]], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TrainingRun, "finish", _dies)
        assert run_step("train").outcome == "failed"
    detail = run_step("train").detail
    assert detail.reused
    [run] = runs(detail.idempotency_key)
    assert run.info.status == "FINISHED"
    assert _versions(registry) == [detail.version]


def test_of_two_attempts_at_once_the_version_keeps_its_own_model(
    run_step: RunStep, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Registry.register
    others: list[Any] = []

    def overtaken(self: Registry, *arguments: Any) -> Any:
        if not others:
            others.append(None)
            others[0] = run_step("train")
        return real(self, *arguments)

    monkeypatch.setattr(Registry, "register", overtaken)
    late = run_step("train").detail
    assert late.version == others[0].detail.version
    version = registry.load_version("shops", late.version)
    assert version.tags[SHA256] == late.artifact_sha256
    named = MlflowClient().get_logged_model(version.source.rsplit("/", 1)[-1])
    assert named.status == "READY"
    assert len(MlflowClient().search_logged_models([named.experiment_id], f"source_run_id = '{late.run_id}'")) == 1


@pytest.mark.parametrize("where", ["before it registers", "while it registers"])
def test_of_two_attempts_that_saw_other_windows_one_version_is_used(
    run_step: RunStep,
    store: ObjectStore,
    landed: Model,
    source: Any,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """Attempt one began before a night became usable; attempt two begins after, and is the first to register."""
    source.save_validation(store, landed, date(2013, 2, 12), outcome="rejected", failed=1)
    place, name = (TrainingRun, "log_files") if where == "before it registers" else (Registry, "register")
    real = getattr(place, name)
    others: list[Result[Any]] = []

    def overtaken(self: Any, *arguments: Any) -> Any:
        if not others:
            source.save_validation(store, landed, date(2013, 2, 12))
            monkeypatch.setattr(place, name, real)
            others.append(run_step("train"))
        return real(self, *arguments)

    monkeypatch.setattr(place, name, overtaken)
    late = run_step("train").detail
    assert late.version == others[0].detail.version
    assert date(2013, 2, 12) in late.train_nights
    assert run_step("train").detail.version == late.version
    numbers = _versions(registry)
    if where == "before it registers":
        assert numbers == [late.version]
    else:
        assert registry.load_version("shops", numbers[1]).tags["nightshift.used_instead"] == str(late.version)


def test_a_model_file_that_was_cut_short_is_not_registered(
    run_step: RunStep, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Server.put_artifact

    def cut_short(server: Server, path: str, data: bytes) -> None:
        honest(server, path, data[:1000] if path.endswith("model.skops") else data)

    with monkeypatch.context() as patch:
        patch.setattr(Server, "put_artifact", cut_short)
        result = run_step("train")
    assert result.outcome == "try_later"
    assert "digest error, not registered" in result.summary
    assert registry.find_champion("shops") is None
    assert run_step("train").outcome == "done"


def test_an_estimator_with_types_nobody_trusts_is_named(run_step: RunStep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.shops.estimator.TRUSTED", ())
    result = run_step("train")
    assert result.outcome == "bad_config"
    assert "TreePredictor" in result.summary


def test_a_server_that_is_gone_is_tried_later(
    run_step: RunStep, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    assert registry.find_champion("shops") is None
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = run_step("train")
    assert result.outcome == "try_later"
    assert "http://127.0.0.1:9 (MLFLOW_TRACKING_URI) could not be reached" in result.summary


def test_an_experiment_past_the_server_is_refused_before_any_data_is_read(
    run_step: RunStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"experiment_id": "1", "artifact_location": "s3://elsewhere/x"}
    monkeypatch.setattr("nightshift.adapters.mlflow.runs._find_experiment", lambda *_: elsewhere)
    monkeypatch.setattr("nightshift.modelling.challenger.Challenger", _dies)
    result = run_step("train")
    assert result.outcome == "bad_config"
    assert "experiment 'shops' of MLflow keeps its files under s3:" in result.summary


def test_features_that_do_not_fit_the_schedule_are_named(run_step: RunStep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.shops.features.features", lambda scheduled, *_: scheduled[["hour"]].head(3))
    result = run_step("train")
    assert result.outcome == "bad_config"
    assert "steps/test_train.py:" in result.summary
    assert "features() for 2013-02-09 returns 3 rows for 240 rows of scheduled" in result.summary


def test_features_never_see_the_day_itself_or_later(run_step: RunStep, monkeypatch: pytest.MonkeyPatch) -> None:
    code = import_module("models.shops.features")
    honest, observed = code.features, []

    def spy(scheduled: Any, history: Any, day: date) -> Any:
        nights = {moment.date() for moment in history["sales"]["night"]}
        observed.append((day, nights))
        return honest(scheduled, history, day)

    monkeypatch.setattr(code, "features", spy)
    assert run_step("train").outcome == "done"
    assert len(observed) == 11
    assert all(nights == {date.fromordinal(day.toordinal() - back) for back in (1, 2)} for day, nights in observed)


def test_the_result_is_stored_as_json(run_step: RunStep, store: ObjectStore) -> None:
    result = run_step("train")
    stored = store.get(store.build_uri("runs/shops/2013-02-19/train.json"))
    assert stored is not None
    assert json.loads(stored) == to_plain(replace(result))
    assert step_results.load_any(store, "shops", NIGHT_OF_TEST, "train") == result


def _versions(registry: Registry) -> list[int]:
    reply = registry.server.get("model-versions/search", filter="name = 'shops'", max_results="100")
    return sorted(int(entry["version"]) for entry in reply.get("model_versions", []))


def _dies(*_: object, **__: object) -> None:
    raise RuntimeError("killed here")
