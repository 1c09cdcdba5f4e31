"""The model card in a real MLflow, of versions that are registered by hand: no training is needed to tell a card."""

import json
import logging
import uuid

import pytest

from nightshift.adapters.mlflow.connection import NotFound
from nightshift.adapters.mlflow.registry import NIGHT, Registry
from nightshift.adapters.s3.object_store import ObjectStore, to_json
from nightshift.context import ModelContext
from nightshift.model_card import stored_record
from nightshift.model_card.collect_record import collect
from nightshift.model_card.mlflow_part import load_source
from nightshift.model_card.publish_card import MOST_CHARACTERS, publish_cards
from nightshift.settings import RegistrySettings
from nightshift.stored_records import to_plain
from support.stored_results import make_training
from support.version_records import PNG, append, build_entry, build_verdict


@pytest.fixture
def registry(mlflow_environment: str) -> Registry:  # noqa: ARG001 - sets the environment
    """The session's MLflow."""
    return Registry()


@pytest.fixture
def model(registry: Registry) -> str:
    """A registered model of its own, whose version 1 has a run with files and a picture."""
    name = f"cards_{uuid.uuid4().hex[:8]}"
    server = registry.server
    experiment = server.post("experiments/create", {"name": name})["experiment_id"]
    run = server.post("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    registry.measure(run, {"log_loss": 0.5125})
    registry.attach(run, "train.json", to_json(to_plain(make_training(rows=4321))))
    registry.attach(run, "pictures/roc.png", PNG)
    server.post("registered-models/create", {"name": name})
    tags = [{"key": NIGHT, "value": "2013-02-01"}]
    created = {"name": name, "source": f"runs:/{run}/model", "run_id": run, "tags": tags}
    server.post("model-versions/create", created)
    return name


def _description(registry: Registry, model: str) -> str:
    reply = registry.server.get("model-versions/get", name=model, version="1")
    return str(reply["model_version"].get("description", ""))


def test_the_card_is_the_description_two_files_of_the_run_and_a_copy(
    store: ObjectStore, registry: Registry, model: str
) -> None:
    append(store, build_entry("promotion", 1, 1, model=model, reason="it wins by far"))
    publish_cards(ModelContext(model, store, registry), 1)
    description = _description(registry, model)
    assert description.startswith(f"**{model.replace('_', chr(92) + '_')} version 1: champion**")
    assert "it wins by far" in description
    folder = registry._run_folder(registry.load_version(model, 1).run_id)
    html = registry.server.load_artifact(f"{folder}/model-card.html").decode()
    assert "data:image/png;base64,iVBORw0KGgo" in html
    assert "4,321 rows" in html
    assert "4,321 rows" in registry.server.load_artifact(f"{folder}/model-card.md").decode()
    copy = stored_record.find_record(store, model, 1)
    assert copy is not None
    assert copy.run is not None
    assert (copy.registered, copy.run.metrics) == (True, {"log_loss": 0.5125})
    assert stored_record.find_picture(store, model, 1, "roc.png") == PNG


def test_the_next_decision_writes_it_anew(store: ObjectStore, registry: Registry, model: str) -> None:
    append(store, build_entry("promotion", 1, 1, model=model))
    publish_cards(ModelContext(model, store, registry), 1)
    append(
        store,
        build_entry("set_champion", 2, 2, previous=1, withdraws=1, withdrawn=(1,), model=model, reason="a bad one"),
    )
    publish_cards(ModelContext(model, store, registry), 1)
    assert "version 1: withdrawn**" in _description(registry, model)
    assert "a bad one" in _description(registry, model)


def test_a_description_stays_within_what_the_database_holds(store: ObjectStore, registry: Registry, model: str) -> None:
    long = "worse " * 80
    append(
        store, *(build_entry("refusal", 1, None, model=model, reason=long, verdict=build_verdict()) for _ in range(30))
    )
    publish_cards(ModelContext(model, store, registry), 1)
    description = _description(registry, model)
    assert MOST_CHARACTERS - 300 < len(description) <= MOST_CHARACTERS
    assert f"nightshift explain {model.replace('_', chr(92) + '_')} 1" in description


def test_a_version_that_was_deleted_keeps_the_copy_of_its_run(
    store: ObjectStore, registry: Registry, model: str
) -> None:
    append(store, build_entry("promotion", 1, 1, model=model))
    publish_cards(ModelContext(model, store, registry), 1)
    path = "/api/2.0/mlflow/model-versions/delete"
    registry.server._send("DELETE", path, json.dumps({"name": model, "version": "1"}).encode(), 1)
    with pytest.raises(NotFound):
        _description(registry, model)
    publish_cards(ModelContext(model, store, registry), 1)
    copy = stored_record.find_record(store, model, 1)
    assert copy is not None
    assert copy.run is not None
    assert copy.run.metrics == {"log_loss": 0.5125}
    # The ledger names a run that MLflow does not have either: the copy stands in, and the story says so.
    actual = load_source(ModelContext(model, store, registry), 1)
    assert (actual.copied, actual.record.registered, actual.pictures) == (True, False, {"roc.png": PNG})
    card = collect(store, model, 1, actual.record, copied=actual.copied)
    assert (card.copied, card.data.rows, card.metrics) == (copy.read, 4321, {"log_loss": 0.5125})


@pytest.mark.parametrize("number", [1, 77])
def test_a_card_that_cannot_be_written_is_a_warning(
    store: ObjectStore,
    registry: Registry,
    model: str,
    number: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", "0")
    unreachable = Registry(RegistrySettings(tracking_uri="http://127.0.0.1:9"))
    with caplog.at_level(logging.WARNING):
        publish_cards(ModelContext(model, store, unreachable if number == 1 else registry), number)
    (output,) = (record.getMessage() for record in caplog.records if record.name == "nightshift.card")
    assert output.startswith(f"the model card of version {number} of {model} is not refreshed")
    assert ("could not be reached" if number == 1 else "neither in MLflow nor in the ledger") in output


def test_a_record_that_nobody_foresaw_is_a_warning_too(
    store: ObjectStore,
    registry: Registry,
    model: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append(store, build_entry("promotion", 1, 1, model=model))
    monkeypatch.setattr("nightshift.model_card.render_card.render_summary", lambda *_: [][0])
    publish_cards(ModelContext(model, store, registry), 1)
    assert "is not refreshed: a bug" in caplog.text
