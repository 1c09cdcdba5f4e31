"""Verdicts computed again from the ledger: the real gate on made-up nights, and once on real models."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore, to_json
from nightshift.cli import main
from nightshift.commands.recheck import list_differences
from nightshift.context import open_context
from nightshift.definition import Model
from nightshift.results import Result
from nightshift.run_step import perform
from nightshift.settings import RunSettings
from support.light_nights import Forge, build_model, land, save_validations

FIRST = date(2013, 3, 1)
NIGHTS = [FIRST + timedelta(days=n) for n in range(-18, 3)]
WEAK, STRONG = NIGHTS[-2], NIGHTS[-1]
LEFT_OUT = FIRST - timedelta(days=3)
_numbers = count(1)


def _run(model: Model, store: ObjectStore, night: date) -> None:
    for verb in ("train", "evaluate", "promote"):
        result, code = perform(verb, open_context(model, night, store, RunSettings()))
        assert code in (0, 99), result.summary


@pytest.fixture
def decided(store: ObjectStore, bucket: str, mlflow_environment: str, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model with two entries: the first champion, and a better one. One night of their holdouts was left out."""
    assert mlflow_environment
    model = build_model(f"rechecked_{next(_numbers)}", bucket, 8)
    land(store, model, [*NIGHTS, STRONG + timedelta(days=1)])
    save_validations(store, model, [night for night in NIGHTS if night != LEFT_OUT])
    Forge({WEAK: 0.4, STRONG: 1.0}).use(monkeypatch)
    monkeypatch.setattr("nightshift.catalog.load_model", lambda _: model)
    for night in (WEAK, STRONG):
        _run(model, store, night)
    return model


def _edit(store: ObjectStore, model: Model, number: int, change: Callable[[dict[str, Any]], object]) -> None:
    uri = Ledger(store, model.name).build_uri(number)
    entry = json.loads(store.get(uri) or b"")
    change(entry["verdict"])
    store.put(uri, to_json(entry))


UNFIT: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no nights": (lambda r: r.update(holdout_nights=[]), "nothing can be computed from the record"),
    "a gate of words": (lambda r: r["gate"].update(confidence="sure"), "Gate confidence='sure' must be a number"),
    "unknown slices": (lambda r: r["gate"].update(slices=["moon"]), "KeyError at nightshift/core/gate.py:"),
    "a metric that is a list": (lambda r: r["gate"].update(metric=[]), "Gate metric=() must be a text"),
}


def test_every_verdict_is_the_same_even_when_more_nights_became_usable(
    decided: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    save_validations(store, decided, [LEFT_OUT])  # the features of the nights after it would now look back on it
    assert main(["recheck", decided.name]) == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0].endswith(f"entry 2, night {STRONG}, version 2 against 1: same")
    assert output[1].endswith(f"entry 1, night {WEAK}, version 1 without a champion: same")
    assert output[-1].endswith("2 the same, 0 differ, 0 cannot be computed any more")


def test_one_entry_or_the_newest_ones(decided: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recheck", decided.name, "1"]) == 0
    assert main(["recheck", decided.name, "--last", "1"]) == 0
    output = capsys.readouterr().out
    assert output.count("entry 1, ") == output.count("entry 2, ") == 1


def test_a_number_that_was_altered_is_named(
    decided: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    def better(record: dict[str, object]) -> None:
        record["verdict"]["gain"] += 0.001  # type: ignore[index]

    _edit(store, decided, 2, better)
    assert main(["recheck", decided.name]) == 10
    output = capsys.readouterr().out
    assert "against 1: differs (gain was " in output
    assert "1 the same, 1 differ" in output


def test_the_gate_of_the_record_decides(decided: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    def stricter(record: dict[str, object]) -> None:
        record["gate"]["min_gain"] = 1.0  # type: ignore[index]

    _edit(store, decided, 2, stricter)
    assert main(["recheck", decided.name, "2"]) == 10
    assert "differs (checks better passed was True, and is False; " in capsys.readouterr().out


def test_data_that_changed_is_said_and_not_used(
    decided: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = decided.facts.build_partition_uri(STRONG)
    store.put(f"{changed}part-0.parquet", b"other rows")
    assert main(["recheck", decided.name]) == 10
    output = capsys.readouterr().out
    assert f"entry 2, night {STRONG}, version 2 against 1: cannot ({changed} changed since: its digest was" in output
    assert "1 the same, 0 differ, 1 cannot be computed any more" in output


def test_a_ledger_with_holes_is_computed_around_them(
    decided: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(store, decided.name)
    first, second = store.get(ledger.build_uri(1)) or b"", store.get(ledger.build_uri(2)) or b""
    store.delete([ledger.build_uri(1)])
    assert main(["recheck", decided.name]) == 10
    output = capsys.readouterr().out.splitlines()
    assert output[0].endswith("the ledger: cannot (entry 1 is missing)")
    assert output[1].endswith("version 2 against 1: same")
    assert output[-1].endswith("1 the same, 0 differ, 1 cannot be computed any more")
    assert main(["recheck", decided.name, "2"]) == 0
    assert main(["recheck", decided.name, "1"]) == 10
    store.put(ledger.build_uri(1), first)
    store.put(ledger.build_uri(2), second.replace(b'"when": "', b'"when": "not '))
    capsys.readouterr()
    assert main(["recheck", decided.name]) == 10
    output = capsys.readouterr().out.splitlines()
    assert output[0].endswith("the ledger: cannot (entry 2 cannot be read: it was edited or cut short)")
    assert output[1].endswith("version 1 without a champion: same")
    assert main(["recheck", decided.name, "1"]) == 0


def test_a_record_of_which_nothing_can_be_computed_is_said(
    decided: Model, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = Ledger(store, decided.name).build_uri(2)
    honest = store.get(uri) or b""
    for name, (edit, sentence) in UNFIT.items():
        _edit(store, decided, 2, edit)
        assert main(["recheck", decided.name, "2"]) == 10, name
        output = capsys.readouterr().out
        assert "version 2 against 1: cannot (" in output, name
        assert sentence in output, name
        assert "\x1b" not in output
        store.put(uri, honest)


def test_a_deleted_version_is_named(decided: Model, capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"name": decided.name, "version": "1"}).encode()
    Registry().server._send("DELETE", "/api/2.0/mlflow/model-versions/delete", body, 1)
    assert main(["recheck", decided.name, "2"]) == 10
    assert "cannot (version 1 was deleted from the registry)" in capsys.readouterr().out


def test_features_that_changed_since_are_the_reason(
    decided: Model, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = import_module("support.light_nights").build_rows

    def other(*given: object) -> object:
        actual = honest(*given)
        actual.features["score"] += 1
        return actual

    monkeypatch.setattr("nightshift.modelling.recompute_verdict.load_examples", other)
    assert main(["recheck", decided.name, "2"]) == 10
    assert "differs (challenger was" in capsys.readouterr().out
    monkeypatch.setattr("nightshift.catalog.digest_model", lambda _: "other code")
    assert main(["recheck", decided.name, "2"]) == 10
    assert f"cannot (the code of models/{decided.name} changed since; now challenger was" in capsys.readouterr().out


def test_an_entry_that_is_not_there_is_a_wrong_argument(decided: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recheck", decided.name, "7"]) == 20
    assert "entry 7 is not in the ledger" in capsys.readouterr().out
    assert main(["recheck", decided.name, "--last", "0"]) == 20


@pytest.mark.usefixtures("fresh_in_process")
def test_a_verdict_on_real_models_is_the_same(
    run_step: Callable[..., Result[Any]],
    landed: Model,
    store: ObjectStore,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = import_module("models.shops.estimator")
    honest = module.estimator
    monkeypatch.setattr("nightshift.catalog.load_model", lambda _: landed)
    for night, trees in ((date(2013, 2, 18), 2), (date(2013, 2, 19), 25)):
        monkeypatch.setattr(module, "estimator", lambda seed, trees=trees: honest(seed).set_params(max_iter=trees))
        for verb in ("train", "evaluate", "promote"):
            assert run_step(verb, night).outcome == "done"
    assert main(["recheck", "shops"]) == 0, capsys.readouterr().out
    detail = step_results.load_any(store, "shops", date(2013, 2, 19), "evaluate")
    assert detail is not None
    assert detail.detail.gate["metric"] == "log_loss"
    assert landed.facts.build_partition_uri(date(2013, 2, 13)) in detail.detail.inputs  # looked back on by the 15th


def test_numbers_may_differ_by_rounding_and_not_by_more() -> None:
    item = {"gain": 0.1, "checks": [{"name": "floor", "passed": True, "sentence": "so"}], "interval": [0.0, 1.0]}
    assert list_differences(item, {**item, "gain": 0.1 + 1e-12}) == []
    large = {"floor": 123456.78901234567}
    assert list_differences(large, {"floor": 123456.78901234567 + 1e-6}) == []
    assert list_differences(large, {"floor": 123456.78901234567 + 1e-3})
    assert list_differences(item, {**item, "gain": 0.1 + 1e-8}) == [f"gain was 0.1, and is {0.1 + 1e-8}"]
    assert list_differences(item, {**item, "interval": None}) == ["interval was [0.0, 1.0], and is None"]
    failed = [{"name": "floor", "passed": False, "sentence": "other words"}]
    assert list_differences(item, {**item, "checks": failed}) == ["checks floor passed was True, and is False"]
