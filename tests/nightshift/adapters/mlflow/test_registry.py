"""The registry adapters against a real MLflow server: what is stored, what is refused, what is tried again."""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import FunctionTransformer

from nightshift.adapters.mlflow import connection
from nightshift.adapters.mlflow.connection import NotFound, Server
from nightshift.adapters.mlflow.load_version import load, load_columns
from nightshift.adapters.mlflow.registry import KEY, SHA256, Registry, Version
from nightshift.adapters.mlflow.training_run import Fitted, Logged, TrainingRun
from nightshift.errors import BadConfig, TryLater
from nightshift.settings import RegistrySettings
from support.faulty_proxy import FaultyProxy, run_faulty_proxy

TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
_names = (f"thing{number}" for number in count(1))
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """A small estimator and its sample."""
    generator = np.random.default_rng(1)
    rows = pd.DataFrame(generator.random((200, 2)), columns=["width", "height"])
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(rows, (rows["width"] > 0.5).astype(float))
    return Fitted(estimator, rows.head(20), "classification", TRUSTED)


@pytest.fixture
def registry(mlflow_environment: str) -> Registry:  # noqa: ARG001 - sets the environment
    """The session's MLflow."""
    return Registry()


@pytest.fixture
def logged(registry: Registry, fitted: Fitted) -> tuple[TrainingRun, Logged]:
    """A run of a new model with its estimator logged, not registered yet."""
    name = next(_names)
    run = TrainingRun(registry, name, "2013-02-09", f"key of {name}", {})
    return run, run.log_model(fitted)


@pytest.fixture
def version(registry: Registry, logged: tuple[TrainingRun, Logged]) -> Version:
    """One registered version of a new model."""
    run, model = logged
    name = next(_names)
    return registry.register(name, run.id, model.model_id, {KEY: f"key of {name}", SHA256: model.sha256})


def _replace(registry: Registry, version: Version, name: str, data: bytes) -> None:
    registry.server.put_artifact(f"{registry.build_files_path(version)}/{name}", data)


def _describe(registry: Registry, version: Version, edit: Edit) -> None:
    path = f"{registry.build_files_path(version)}/MLmodel"
    description = yaml.safe_load(registry.server.load_artifact(path))
    edit(description)
    registry.server.put_artifact(path, yaml.safe_dump(description).encode())


def test_a_version_predicts_as_it_did_before_it_was_stored(
    registry: Registry, version: Version, fitted: Fitted
) -> None:
    loaded = load(registry, version, TRUSTED)
    assert loaded.columns == ("width", "height")
    assert (loaded.estimator.predict_proba(fitted.sample) == fitted.estimator.predict_proba(fitted.sample)).all()


def test_a_file_that_was_altered_is_refused(registry: Registry, version: Version) -> None:
    _replace(registry, version, "model.skops", b"other bytes")
    with pytest.raises(BadConfig, match=r"refused: digest error, model\.skops is"):
        load(registry, version, TRUSTED)


def test_a_version_without_a_digest_is_refused(registry: Registry, version: Version) -> None:
    with pytest.raises(BadConfig, match=f"it has no tag {SHA256}"):
        load(registry, Version(version.model, version.number, version.run_id, version.source, {}), TRUSTED)


def test_types_that_the_model_does_not_trust_are_refused_whatever_the_artifact_says(
    registry: Registry, version: Version
) -> None:
    with pytest.raises(BadConfig, match=r"it holds types that are not trusted: .*TreePredictor"):
        load(registry, version, ())


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d["flavors"]["sklearn"].update(serialization_format="cloudpickle"),
        lambda d: d["flavors"]["sklearn"].update(pickled_model="model.pkl"),
        lambda d: d["flavors"]["python_function"].update(loader_module="evil"),
        lambda d: d["flavors"]["python_function"].update(code="code"),
        lambda d: d["flavors"].pop("sklearn"),
        lambda d: d.pop("flavors"),
    ],
)
def test_an_artifact_that_wants_to_run_code_is_refused(registry: Registry, version: Version, edit: Edit) -> None:
    _describe(registry, version, edit)
    with pytest.raises(BadConfig, match="is refused"):
        load(registry, version, TRUSTED)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_in_place_of_the_file_never_runs(registry: Registry, version: Version, tmp_path: Path) -> None:
    trap = pickle.dumps(Trap(tmp_path / "ran"))
    _replace(registry, version, "model.skops", trap)
    registry.tag_version(version, {SHA256: hashlib.sha256(trap).hexdigest()})
    with pytest.raises(BadConfig, match="is refused"):
        load(registry, registry.load_version(version.model, version.number), TRUSTED)
    assert not (tmp_path / "ran").exists()


def test_a_function_that_only_the_artifact_trusts_is_refused(registry: Registry, version: Version) -> None:
    """Digest and format are right, and the artifact's own list trusts the function: only our list can refuse it."""
    data = skops.io.dumps(FunctionTransformer(os.system))
    _replace(registry, version, "model.skops", data)
    _describe(registry, version, lambda d: d["flavors"]["sklearn"].update(skops_trusted_types=["posix.system"]))
    registry.tag_version(version, {SHA256: hashlib.sha256(data).hexdigest()})
    with pytest.raises(BadConfig, match=r"not trusted: .*posix\.system"):
        load(registry, registry.load_version(version.model, version.number), TRUSTED)


def test_a_version_without_its_file_is_refused(registry: Registry, version: Version) -> None:
    path = f"{connection.ARTIFACTS}/{registry.build_files_path(version)}/MLmodel"
    registry.server._send("DELETE", path, None, 1)
    with pytest.raises(BadConfig, match="it has no file MLmodel"):
        load_columns(registry, version)


def test_registering_twice_with_one_key_uses_the_first(registry: Registry, logged: tuple[TrainingRun, Logged]) -> None:
    run, model = logged
    tags = {KEY: "the same work", SHA256: model.sha256}
    first, second = (registry.register("twice", run.id, model.model_id, tags) for _ in range(2))
    assert first.number == second.number
    assert registry.find_version_by_key("twice", "the same work") == first


def test_the_alias_names_one_version_or_none(registry: Registry, version: Version) -> None:
    assert registry.find_champion(version.model) is None
    assert registry.find_champion("no such model") is None
    assert registry.find_model("no such model") is None
    registry.set_champion(version.model, version.number)
    champion, model = registry.find_champion(version.model), registry.find_model(version.model)
    assert champion is not None
    assert model is not None
    assert champion.number == model.champion == version.number
    with pytest.raises(BadConfig, match="was it deleted"):
        registry.set_champion(version.model, 99)
    for name in (version.model, version.model, "no such model"):
        registry.remove_champion(name)
    assert registry.find_champion(version.model) is None


def test_a_tag_of_a_registered_model_is_read_beside_the_alias(registry: Registry, version: Version) -> None:
    for value in ("000001 ab", "000002 cd"):
        registry.tag_model(version.model, "nightshift.ledger_head", value)
    actual = registry.find_model(version.model)
    assert actual is not None
    assert actual.tags["nightshift.ledger_head"] == "000002 cd"


def test_a_missing_artifact_is_not_found_at_once(registry: Registry, version: Version) -> None:
    with pytest.raises(NotFound):
        registry.server.load_artifact(f"{registry.build_files_path(version)}/nothing")
    assert registry.load_attachment(version.run_id, "nothing.json") is None


@pytest.fixture
def proxy(mlflow_server: str) -> Iterator[FaultyProxy]:
    """A proxy in front of the session's MLflow."""
    with run_faulty_proxy(mlflow_server) as proxy:
        yield proxy


@pytest.fixture
def lossy(proxy: FaultyProxy) -> Callable[[str], Registry]:
    """Makes a registry whose server loses one reply, to the first request whose path holds the given text."""

    def lossy(drops: str) -> Registry:
        proxy.add("lose", matches=lambda request: drops in request.path)
        return Registry(RegistrySettings(tracking_uri=proxy.url))

    return lossy


def test_a_lost_reply_to_create_version_makes_one_version(
    lossy: Callable[[str], Registry], logged: tuple[TrainingRun, Logged], registry: Registry
) -> None:
    run, model = logged
    created = lossy("model-versions/create").register("lossy", run.id, model.model_id, {KEY: "k", SHA256: model.sha256})
    reply = registry.server.get("model-versions/search", filter="name = 'lossy'", max_results="10")
    assert [int(entry["version"]) for entry in reply["model_versions"]] == [created.number]


def test_a_lost_reply_to_a_read_is_asked_again(lossy: Callable[[str], Registry], version: Version) -> None:
    assert lossy("model-versions/get").load_version(version.model, version.number) == version


def test_a_lost_reply_to_the_move_of_the_alias_is_asked_for_again(
    lossy: Callable[[str], Registry], version: Version
) -> None:
    registry = lossy("registered-models/alias")
    registry.set_champion(version.model, version.number)
    assert registry.find_champion(version.model) == version


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_proxy_without_an_answer_is_no_answer(proxy: FaultyProxy, status: int) -> None:
    proxy.add("answer", left=None, status=status, body=b"{}")
    with pytest.raises(TryLater):
        Server(RegistrySettings(tracking_uri=proxy.url), retry_seconds=0).post("runs/search", {})


def test_a_server_that_is_not_there_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    with pytest.raises(TryLater, match=r"http://127\.0\.0\.1:9 \(MLFLOW_TRACKING_URI\) could not be reached"):
        Registry(RegistrySettings(tracking_uri="http://127.0.0.1:9")).find_champion("shops")


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "file:///tmp/runs", "databricks"])
def test_a_registry_is_a_server(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(BadConfig, match="must be the http"):
        Registry().find_champion("shops")
