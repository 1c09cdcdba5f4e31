"""A result names the code that made it, and says when the night began with other code."""

from datetime import date
from pathlib import Path

import pytest

from nightshift import catalog
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.code_digest import digest_platform, write_digests
from nightshift.context import open_context, read_run
from nightshift.results import Outcome, ValidateResult
from nightshift.run_step import perform
from nightshift.settings import RunSettings
from support.stored_results import make_score, make_train_result

NIGHT = date(2013, 2, 9)
DETAILS = {"validate": ValidateResult(datasets=()), "train": make_train_result(), "score": make_score()}


def _run(store: ObjectStore, verb: str, version: str = "v1") -> tuple[str, str]:
    step = open_context(catalog.load_model("flights"), NIGHT, store, RunSettings(code_version=version))
    perform(verb, step, lambda _: Outcome(summary="done", detail=DETAILS[verb]))
    stored = step_results.load_any(store, "flights", NIGHT, verb)
    assert stored is not None
    return stored.model_code, stored.code_before


def test_every_result_holds_the_digest_of_the_models_folder(store: ObjectStore) -> None:
    assert _run(store, "validate") == (catalog.digest_model("flights"), "")
    assert _run(store, "train") == (catalog.digest_model("flights"), "")


def test_code_that_changed_during_the_night_is_said(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, _ = _run(store, "validate")
    monkeypatch.setattr("nightshift.catalog.digest_model", lambda _: "edited")
    assert _run(store, "train") == ("edited", f"v1, model folder {folder}")
    assert f"that ran v1, model folder {folder}; this step runs v1, model folder edited" in caplog.text


def test_a_night_that_was_never_validated_began_with_nothing(store: ObjectStore) -> None:
    assert _run(store, "train")[1] == ""


def test_a_step_names_the_code_that_was_edited_since_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    started = {"nightshift": digest_platform(), "flights": catalog.digest_model("flights")}
    monkeypatch.setenv("NIGHTSHIFT_RUN_CODE_VERSION", "0123456789ab")
    monkeypatch.setenv("NIGHTSHIFT_RUN_CODE_DIGESTS", write_digests(started))
    assert read_run("flights").code_version == "0123456789ab"
    monkeypatch.setenv("NIGHTSHIFT_RUN_CODE_DIGESTS", write_digests({**started, "flights": "before"}))
    assert read_run("flights").code_version.startswith("0123456789ab-dirty-")
    monkeypatch.setenv("NIGHTSHIFT_RUN_CODE_DIGESTS", "")
    assert read_run("flights").code_version == "0123456789ab"


def test_the_suites_of_a_model_are_part_of_its_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = catalog.digest_model("flights")
    monkeypatch.setattr("nightshift.catalog.SUITES_FOLDER", tmp_path)
    assert catalog.digest_model("flights") != before


def test_a_model_that_is_not_there_has_a_digest_as_well() -> None:
    assert catalog.digest_model("no_such_model") == catalog.digest_model("another_that_is_none")
