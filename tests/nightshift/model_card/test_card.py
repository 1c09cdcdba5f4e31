"""The model cards of versions that the real steps trained, judged, promoted, refused, scored with and withdrew."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from nightshift.adapters.mlflow.connection import Server
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.cli import main
from nightshift.context import ModelContext
from nightshift.model_card import render_card
from nightshift.model_card.card import ModelCard
from nightshift.model_card.collect_record import collect
from nightshift.model_card.links import Links
from nightshift.model_card.mlflow_part import load_source
from nightshift.promotion.set_champion import Request, set_champion
from nightshift.results import Result

REASON = "it sold <b>too</b> few"
EARLY, OLD, BEFORE, AFTER, LATEST = (date(2013, 2, day) for day in range(16, 21))
RunStep = Callable[..., Result[Any]]
MODEL = "shops"


@dataclass(frozen=True)
class Past:
    """The versions by what became of them."""

    champion: int
    withdrawn: int
    refused: int
    superseded: int
    judged: int


@pytest.fixture
def past(
    run_step: RunStep,
    registry: Registry,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    fresh_in_process: None,
) -> Past:
    """A first champion, the better one that replaced it, a refusal, a superseded one, then the first again."""
    del fresh_in_process
    module = import_module("models.shops.estimator")
    honest = module.estimator

    def challenger(night: date, trees: int, *, decided: bool = True) -> int:
        monkeypatch.setattr(module, "estimator", lambda seed: honest(seed).set_params(max_iter=trees))
        version: int = run_step("train", night).detail.version
        assert run_step("evaluate", night).outcome == "done"
        if decided:
            assert run_step("promote", night).outcome in ("done", "nothing_to_do")
        return version

    first, better = challenger(OLD, 2), challenger(BEFORE, 25)
    assert run_step("score", BEFORE).outcome == "done"
    refused, superseded = challenger(AFTER, 2), challenger(EARLY, 30)
    cause = Cause(by="shops_set_champion:manual__1", kind="manual", user="Ann")
    set_champion(ModelContext(MODEL, store, registry), Request("previous", REASON, cause))
    judged = challenger(LATEST, 3, decided=False)
    return Past(champion=first, withdrawn=better, refused=refused, superseded=superseded, judged=judged)


def collect_card(store: ObjectStore, registry: Registry, number: int) -> tuple[ModelCard, str]:
    """The model card of a version and its page."""
    actual = load_source(ModelContext(MODEL, store, registry), number)
    card = collect(store, MODEL, number, actual.record, copied=actual.copied)
    return card, render_card.render_page(card, Links(), actual.pictures).decode()


@contextmanager
def _asked(store: ObjectStore) -> Iterator[list[str]]:
    """What MLflow and S3 are asked within the block."""
    request: list[str] = []
    honest, events = Server._send_once, store._requests._client.meta.events

    def once(server: Server, method: str, path: str, body: bytes | None) -> bytes:
        request.append(f"{method} {path}")
        return honest(server, method, path, body)

    def note(model: Any, **_: Any) -> None:
        request.append(model.name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "_send_once", once)
        events.register("before-call.s3", note)
        try:
            yield request
        finally:
            events.unregister("before-call.s3", note)


def test_every_version_tells_its_own_past(
    past: Past, store: ObjectStore, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    _withdrawn(past, store, registry)
    _the_others(past, store, registry)
    _the_card_of_promote_is_there(registry, past.withdrawn)
    _a_card_is_written_anew_when_asked(registry, past.judged)
    _a_deleted_version_leaves_its_run_and_the_ledger(store, registry, past.withdrawn)
    assert main(["explain", MODEL, str(past.withdrawn)]) == 0
    assert "any more" in capsys.readouterr().out


def _withdrawn(past: Past, store: ObjectStore, registry: Registry) -> None:
    with _asked(store) as request:
        card, page = collect_card(store, registry, past.withdrawn)
    assert 20 < len(request) < 60  # what it costs: a person waits for the page
    assert (card.state, card.night, card.notes) == ("withdrawn", "2013-02-18", ())
    (period,) = card.periods
    assert (period.how, period.by, period.end_how) == ("promotion", past.champion, "set_champion")
    assert [decision.relation for decision in card.decisions] == ["about it", "withdrew it"]
    assert card.data.train_nights == tuple(f"2013-02-{day:02d}" for day in range(8, 14))
    assert card.data.compared_nights == tuple(f"2013-02-{day}" for day in range(14, 19))
    assert {decision.dataset for decision in card.data.partitions} == {"sales", "openings"}
    assert all(
        decision.digest and decision.check and decision.check.same and not decision.changed
        for decision in card.data.partitions
    )
    assert sum(bool(decision.judged) for decision in card.data.partitions) >= 10
    assert card.evaluated is not None
    assert card.evaluated.champion_version == past.champion
    assert (card.evaluated.verdict.gain or 0) > 0
    (scored,) = card.scored
    assert (scored.night, scored.rows, scored.replaced_by) == ("2013-02-19", 240, None)
    assert card.pictures == ("verdict.png", "calibration.png", "importance.png", "roc.png")
    assert page.count("data:image/png;base64,") == 4
    assert card.origin.params["max_iter"] == "25"
    assert {"log_loss", "roc_auc"} <= set(card.metrics)
    assert any(line.startswith("scikit-learn==") for line in card.origin.environment)
    assert re.fullmatch("[0-9a-f]{64}", card.origin.artifact_sha256)
    assert "it sold &lt;b&gt;too&lt;/b&gt; few" in page


def _the_others(past: Past, store: ObjectStore, registry: Registry) -> None:
    champion, page = collect_card(store, registry, past.champion)
    assert champion.state == "champion"
    assert [(period.how, period.end_how) for period in champion.periods] == [
        ("promotion", "promotion"),
        ("set_champion", ""),
    ]
    assert "It is the champion since" in page
    refused, page = collect_card(store, registry, past.refused)
    assert refused.evaluated is not None
    assert (refused.state, refused.evaluated.verdict.promote, refused.periods) == ("refused", False, ())
    assert "It never was champion." in page
    superseded, page = collect_card(store, registry, past.superseded)
    assert superseded.evaluated is not None
    assert (superseded.state, superseded.evaluated.verdict.promote) == ("superseded", True)
    assert "was trained for the later night 2013-02-18" in page
    waiting, _ = collect_card(store, registry, past.judged)
    assert (waiting.state, waiting.decisions) == ("judged", ())


def _the_card_of_promote_is_there(registry: Registry, number: int) -> None:
    run = registry.load_version(MODEL, number).run_id
    card = registry.server.load_artifact(f"{registry._run_folder(run)}/model-card.html").decode()
    assert "max_iter" in card


def _a_card_is_written_anew_when_asked(registry: Registry, number: int) -> None:
    """Nothing was decided about this version, so that no step has written its card."""
    folder = registry._run_folder(registry.load_version(MODEL, number).run_id)
    assert "model-card.md" not in registry.server.list_artifacts(folder)
    assert main(["explain", MODEL, str(number), "--publish"]) == 0
    assert (
        "It was judged, and nothing is decided about it yet"
        in registry.server.load_artifact(f"{folder}/model-card.md").decode()
    )


def _a_deleted_version_leaves_its_run_and_the_ledger(store: ObjectStore, registry: Registry, number: int) -> None:
    run = registry.load_version(MODEL, number).run_id
    registry.server.post("runs/delete", {"run_id": run})
    assert "the run is marked as deleted in MLflow" in collect_card(store, registry, number)[0].notes
    body = json.dumps({"name": MODEL, "version": str(number)}).encode()
    registry.server._send("DELETE", "/api/2.0/mlflow/model-versions/delete", body, 1)
    card, page = collect_card(store, registry, number)
    assert card.state == "withdrawn"
    assert card.origin.params["max_iter"] == "25"
    assert any("does not have this version (any more)" in note for note in card.notes)
    assert "MLflow&#39;s registry does not have this version" in page
