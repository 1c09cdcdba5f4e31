"""A model's functions get copies; what they return is put in order or refused with file and line, and never quoted."""

import logging
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import Context, open_context
from nightshift.definition import Gate
from nightshift.errors import BadConfig, DataRejected
from nightshift.results import Outcome
from nightshift.run_step import perform
from nightshift.safe_messages import set_up_logs
from nightshift.settings import RunSettings
from support.memory_lake import NIGHTS, MemoryLake, has_right_labels

CANARY = "canary-7741"
HERE = r"nightshift/test_user_code\.py:\d+"
Function = Callable[..., Any]


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> MemoryLake:
    return MemoryLake(monkeypatch)


def sorted_rows(scheduled: pd.DataFrame, *_: Any) -> pd.DataFrame:
    return scheduled.sort_values("x")[["x"]]


def sorted_in_place(scheduled: pd.DataFrame, *_: Any) -> pd.DataFrame:
    scheduled.sort_values("x", inplace=True)
    return scheduled[["x"]]


def overwritten(scheduled: pd.DataFrame, *_: Any) -> pd.DataFrame:
    actual = scheduled[["x"]].copy()
    scheduled["id"], scheduled["x"] = "gone", 0.0
    return actual


@pytest.mark.parametrize("function", [sorted_rows, sorted_in_place, overwritten])
def test_rows_that_a_function_moves_or_changes_keep_their_labels(lake: MemoryLake, function: Function) -> None:
    lake.replace_function("features", function)
    actual = lake.examples()
    assert has_right_labels(actual)
    assert len(actual.labels) == 180


def test_labels_that_are_sorted_or_change_the_facts_are_put_right(lake: MemoryLake) -> None:
    def labels(facts: pd.DataFrame) -> pd.Series:
        facts.sort_values("y", inplace=True)
        facts["id"] = "gone"
        return facts["y"]

    lake.replace_function("labels", labels)
    assert has_right_labels(lake.examples())
    assert lake.facts[NIGHTS[0]]["id"][0] == "s0"


def test_slices_that_are_sorted_are_put_right(lake: MemoryLake) -> None:
    lake.model = replace(lake.model, gate=replace(lake.model.gate, slices=("half",)))

    def slices(rows: pd.DataFrame) -> pd.DataFrame:
        ordered = rows.sort_values("x")
        return pd.DataFrame({"half": np.where(ordered["x"] > 0, "up", "down")}, index=ordered.index)

    lake.replace_function("slices", slices)
    actual = lake.examples()
    assert ((actual.slices["half"] == "up") == (actual.labels == 1)).all()


def test_history_is_a_copy_down_to_lists_within_cells(lake: MemoryLake) -> None:
    lake.look_back(2)
    for night in NIGHTS:
        lake.facts[night] = lake.facts[night].assign(tags=lambda rows: rows["id"].map(lambda _: ["a"]))
    observed: list[set[str]] = []

    def features(scheduled: pd.DataFrame, history: dict[str, pd.DataFrame], _: date) -> pd.DataFrame:
        facts = history.pop("facts")
        observed.append({tag for tags in facts.get("tags", []) for tag in tags})
        for tags in facts.get("tags", []):
            tags.append("altered")
        facts.drop(facts.index, inplace=True)
        return scheduled[["x"]]

    lake.replace_function("features", features)
    lake.examples()
    assert observed == [set(), {"a"}, {"a"}]


def anew(scheduled: pd.DataFrame, *_: Any) -> pd.DataFrame:
    return scheduled.sort_values("x").reset_index(drop=True)[["x"]]


WRONG_FEATURES: list[tuple[Function, str]] = [
    (anew, "numbered anew"),
    (lambda scheduled, *_: scheduled.merge(scheduled, on="id")[["x_x"]], "numbered anew"),
    (lambda scheduled, *_: scheduled[["x"]].head(3), "3 rows for 60"),
    (lambda scheduled, *_: pd.concat([scheduled, scheduled])[["x"]], "120 rows for 60"),
    (lambda scheduled, *_: scheduled[["x"]].set_axis([0] * 60), "numbered anew"),
    (lambda scheduled, *_: scheduled["x"], "returns Series: return a table"),
    (lambda scheduled, *_: scheduled[["x"]].to_numpy(), "returns ndarray"),
    (lambda scheduled, *_: scheduled["x"].to_list(), "returns list"),
    (lambda *_: None, "returns NoneType"),
    (lambda scheduled, *_: scheduled[[]], "returns no feature"),
    (lambda scheduled, *_: scheduled[["x", "x"]], "more than one feature called x"),
    (lambda scheduled, *_: scheduled[["x"]].set_axis([0], axis=1), "names features by int"),
    (lambda scheduled, *_: scheduled[["id"]], "feature id must return numbers, and not str"),
    (lambda scheduled, *_: scheduled[["x"]].astype(complex), "must return numbers, and not complex128"),
    (lambda scheduled, *_: (scheduled[["x"]] + 9) * np.inf, "infinite features: x in 60 of 60 rows"),
    (lambda scheduled, *_: scheduled[["x"]].assign(n=2**53 + 1), "60 integers beyond"),
    (lambda scheduled, _, day: scheduled[["x"]].add_prefix("a" if day == NIGHTS[1] else ""), "same columns for every"),
    (lambda scheduled, *_: scheduled[["z"]], "raised KeyError at"),
    (lambda scheduled: scheduled[["x"]], "raised TypeError at"),
    (lambda *_: exit("text"), "ended the process at"),
]


@pytest.mark.parametrize(("function", "message"), WRONG_FEATURES)
def test_features_that_fit_no_rows_are_refused_with_their_line(
    lake: MemoryLake, function: Function, message: str
) -> None:
    lake.replace_function("features", function)
    with pytest.raises(BadConfig, match=message) as caught:
        lake.examples()
    if "same columns" not in message:
        assert _names_this_file(caught.value)


WRONG_LABELS: list[tuple[Function, str]] = [
    (lambda facts: facts["y"].to_numpy(), "labels.. for 2013-03-01 returns ndarray"),
    (lambda facts: facts["y"].to_list(), "returns list"),
    (lambda facts: facts[["y"]], "returns DataFrame: return a Series"),
    (lambda facts: facts["y"].head(5), "5 rows for 60"),
    (lambda facts: facts["y"].reset_index(drop=True), "numbered anew"),
    (lambda facts: facts["id"], "must return numbers, and not str"),
    (lambda facts: facts["y"].astype("str"), "must return numbers, and not str"),
    (lambda facts: facts["y"].astype("category"), "must return numbers, and not category of int64"),
    (lambda facts: facts["y"] / 0, "infinite labels of 60"),
    (lambda facts: facts["y"] + 1, "must give 0, 1 or NaN: .* of 60 labels are something else"),
    (lambda facts: facts["nothing"], "raised KeyError at"),
    (lambda facts: facts["id"].map(int), "raised ValueError at"),
]


@pytest.mark.parametrize(("function", "message"), WRONG_LABELS)
def test_labels_that_are_none_are_refused_with_their_line(lake: MemoryLake, function: Function, message: str) -> None:
    lake.replace_function("labels", function)
    with pytest.raises(BadConfig, match=message) as caught:
        lake.examples()
    assert _names_this_file(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda facts: facts["y"] == 1,
        lambda facts: facts["y"].astype("boolean"),
        lambda facts: facts["y"].astype("Int64"),
        lambda facts: (facts["y"] == 1).astype(object),
        lambda facts: facts["y"].astype("float32"),
    ],
)
def test_labels_of_every_kind_of_number_are_taken(lake: MemoryLake, function: Function) -> None:
    lake.replace_function("labels", function)
    assert has_right_labels(lake.examples())


def test_a_class_that_only_the_last_night_has_is_refused(lake: MemoryLake) -> None:
    last = lake.facts[NIGHTS[2]]
    lake.facts[NIGHTS[2]] = last.assign(y=last["y"].where(last.index != 7, 2))
    with pytest.raises(BadConfig, match="for 2013-03-03 must give 0, 1 or NaN: 1 of 60 labels are something else"):
        lake.examples()


def test_an_infinite_label_of_a_regression_is_refused(lake: MemoryLake) -> None:
    lake.model = replace(lake.model, task="regression", gate=Gate(metric="mae", floor=1.0))
    last = lake.facts[NIGHTS[2]]
    lake.facts[NIGHTS[2]] = last.assign(y=last["y"].astype("float64").where(last.index != 7, np.inf))
    with pytest.raises(DataRejected, match="1 infinite labels of 60; delivered were y of the facts in 1 rows"):
        lake.examples()


def test_infinite_numbers_that_were_delivered_are_the_data_s_fault(lake: MemoryLake) -> None:
    lake.plan[NIGHTS[0]].loc[3, "x"] = np.inf
    with pytest.raises(DataRejected, match="x in 1 of 60 rows; delivered were x of the scheduled rows in 1 rows"):
        lake.examples()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda rows: pd.DataFrame({"other": rows["x"]}), "lacks a column for the gate's slices half"),
        (lambda rows: rows["x"].rename("half"), "returns Series"),
        (lambda _: pd.DataFrame({"half": ["a"] * 60}), "numbered anew"),
        (lambda rows: rows[["nothing"]], "raised KeyError at"),
        (None, "must define a function slices"),
    ],
)
def test_slices_that_fit_no_rows_are_refused(lake: MemoryLake, function: Function | None, message: str) -> None:
    lake.model = replace(lake.model, gate=replace(lake.model.gate, slices=("half",)))
    lake.replace_function("slices", function)
    with pytest.raises(BadConfig, match=message):
        lake.examples()


def _looks_up(table: dict[str, float]) -> Function:
    return lambda facts: facts["id"].map(lambda item: table[item])


def _prints(scheduled: pd.DataFrame, *_: Any) -> pd.DataFrame:
    print(scheduled)  # noqa: T201 - what it is about
    return scheduled[["x"]].head(1)


CANARIES: list[tuple[str, Function]] = [
    ("labels", _looks_up({})),
    ("labels", lambda facts: facts["id"].map(int)),
    ("labels", lambda facts: facts["id"].astype("float64")),
    ("labels", lambda facts: facts["id"]),
    ("labels", lambda facts: facts["id"].astype("category")),
    ("labels", lambda facts: (_ for _ in ()).throw(DataRejected(facts["id"].iloc[0]))),
    ("labels", lambda facts: exit(facts["id"].iloc[0])),
    ("features", lambda scheduled, *_: scheduled[["id"]]),
    ("features", lambda scheduled, *_: scheduled[["id"]].astype("float64")),
    ("features", lambda scheduled, *_: scheduled[[scheduled["id"].iloc[0]]]),
    ("features", lambda scheduled, *_: scheduled.set_index("id")[["x"]]),
    ("features", _prints),
]


@pytest.mark.parametrize(("name", "function"), CANARIES)
def test_no_value_of_a_cell_is_in_a_log_or_a_result(
    lake: MemoryLake,
    store: ObjectStore,
    name: str,
    function: Function,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for night in NIGHTS:
        for tables in (lake.facts, lake.plan):
            tables[night] = tables[night].assign(id=[f"{CANARY}-{number}" for number in range(60)])
    lake.replace_function(name, function)
    step = open_context(lake.model, NIGHTS[2], store, RunSettings())
    with caplog.at_level(logging.DEBUG):
        result, code = perform("train", step, lambda _: Outcome(summary=str(len(lake.examples().labels)), detail=None))
    assert code in (10, 20)
    stored = store.get(store.build_uri("runs/lab/2013-03-03/train.json"))
    written = capfd.readouterr()
    for text in (result.summary, caplog.text, written.out, written.err, (stored or b"").decode()):
        assert CANARY not in text


def test_a_bug_is_told_by_its_type_and_lines(
    store: ObjectStore, lake: MemoryLake, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_: Context) -> Outcome[Any]:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(CANARY) from error

    step = open_context(lake.model, NIGHTS[2], store, RunSettings())
    with caplog.at_level(logging.DEBUG):
        result, code = perform("train", step, breaks)
    assert (result.outcome, code) == ("failed", 1)
    assert result.summary.startswith("bug: ValueError at nightshift/run_step.py:")
    assert "in breaks" in caplog.text
    assert "after KeyError" in caplog.text
    assert CANARY not in caplog.text + result.summary


def test_too_little_memory_is_no_bug(store: ObjectStore, lake: MemoryLake) -> None:
    def labels(_: pd.DataFrame) -> pd.Series:
        raise MemoryError

    lake.replace_function("labels", labels)
    step = open_context(lake.model, NIGHTS[2], store, RunSettings())
    result, code = perform("train", step, lambda _: Outcome(summary=str(len(lake.examples().labels)), detail=None))
    assert (result.outcome, code) == ("bad_config", 20)
    assert "give the step a higher memory_limit" in result.summary


def test_lines_and_warnings_of_other_code_lose_their_text(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    remaining = root.handlers[:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            set_up_logs("%(message)s")
            logging.getLogger("sklearn").warning("odd value %s", CANARY)
            logging.getLogger("sklearn").info("odd value %s", CANARY)
            logging.getLogger("nightshift.train").info("a line of ours")
            warnings.warn(CANARY, UserWarning, stacklevel=1)
    finally:
        root.handlers[:] = remaining
    output = capsys.readouterr()
    assert CANARY not in output.out + output.err
    assert "a log line (warning) of sklearn at nightshift/test_user_code.py:" in output.out
    assert "a line of ours" in output.out
    assert "a UserWarning at nightshift/test_user_code.py:" in output.out


def _names_this_file(error: BaseException) -> bool:
    return re.search(HERE, str(error)) is not None
