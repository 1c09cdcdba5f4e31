"""Results are stored and read by one serializer: whole, byte for byte, and what does not fit is named."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.adapters.s3.object_store import to_json
from nightshift.core.check_failure import CheckFailure
from nightshift.core.verdict import Check, SliceGain, Verdict
from nightshift.result_parts import CheckedDataset, Decision, JoinCounts, LeftOutNight
from nightshift.results import DETAIL_TYPES, EvaluateResult, FailedRun, Result
from nightshift.stored_records import Misfit, parse_plain, parse_record, to_plain
from support.stored_results import (
    make_dataset,
    make_evaluation,
    make_promotion,
    make_result,
    make_score,
    make_train_result,
    make_validation,
    make_verdict,
)

DAY = date(2013, 2, 9)
CANARY = "canary-7741"
JOINS = (
    JoinCounts(
        night=DAY,
        scheduled=3,
        facts=2,
        matched=2,
        without_label=0,
        repeated=0,
        unmatched_scheduled=1,
        unmatched_facts=0,
        would_match={"case": 1},
    ),
)
LEFT_OUT = (LeftOutNight(night=DAY, reason="its validation failed"),)
SAID = Decision(outcome="approved", by="ben", about="0" * 64, at="2013-02-10T06:00:00+00:00", reason="calm")
WHOLE = [
    make_validation("flights", DAY, [make_dataset(failed=2, remarks=("odd",)), make_dataset("weather", suite=None)]),
    make_result(make_train_result(joins=JOINS, left_out=LEFT_OUT)),
    make_result(
        make_evaluation(joins=JOINS, left_out=LEFT_OUT, trusted={"1": ("a.B",), "2": ()}, gate={"slices": ("a",)})
    ),
    make_result(make_promotion(decision=SAID)),
    make_result(make_score(replaced=1)),
]
"""A result of every step with something in every part."""
NAMES = [result.verb for result in WHOLE]


def kind_of(verb: str) -> Any:
    return Result[DETAIL_TYPES[verb] | None]  # type: ignore[valid-type]


def paths(document: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every field of a stored object, the keys of mappings left out."""
    if isinstance(document, list):
        for number, inner in enumerate(document):
            yield from paths(inner, (*at, number))
    if isinstance(document, dict) and (not at or at[-1] not in MAPPINGS):
        for name, inner in document.items():
            yield (*at, name)
            yield from paths(inner, (*at, name))


MAPPINGS = ("would_match", "metrics", "gate", "trusted", "inputs")
OPTIONAL = {"model_code", "code_before", "failed_since", "positive_rate", "low", "high", "gain", "passed", "slices"}
"""Fields that a stored object may lack: they have a default."""


def holder(document: Any, path: tuple[str | int, ...]) -> Any:
    for part in path[:-1]:
        document = document[part]
    return document


@pytest.mark.parametrize("result", WHOLE, ids=NAMES)
def test_a_result_comes_back_byte_for_byte(result: Result[Any]) -> None:
    data = to_json(to_plain(result))
    second = parse_record(kind_of(result.verb), data)
    assert second == result
    assert to_json(to_plain(second)) == data


@pytest.mark.parametrize("result", WHOLE, ids=NAMES)
def test_a_field_that_is_missing_is_named(result: Result[Any]) -> None:
    places = [path for path in paths(to_plain(result)) if path[-1] not in OPTIONAL and "decision" not in path[:-1]]
    assert len(places) > 12
    for path in places:
        document = to_plain(result)
        del holder(document, path)[path[-1]]
        with pytest.raises(Misfit, match=r"Field required") as raised:
            parse_plain(kind_of(result.verb), document)
        assert str(raised.value).startswith(".".join(map(str, path)))


@pytest.mark.parametrize("result", WHOLE, ids=NAMES)
def test_a_field_of_another_type_is_named_and_its_value_is_not(result: Result[Any]) -> None:
    for path in paths(to_plain(result)):
        document = to_plain(result)
        holder(document, path)[path[-1]] = {CANARY: [CANARY]}
        if path[-1] in MAPPINGS:
            holder(document, path)[path[-1]] = CANARY
        with pytest.raises(Misfit) as raised:
            parse_plain(kind_of(result.verb), document)
        assert str(raised.value).startswith(".".join(map(str, path)))
        assert CANARY not in str(raised.value)


def test_the_key_of_a_mapping_is_data_and_is_not_named() -> None:
    document = to_plain(make_evaluation(inputs={}))
    document["inputs"] = {CANARY: 3}
    with pytest.raises(Misfit, match=r"\Ainputs\.…: Input should be a valid string\Z"):
        parse_plain(EvaluateResult, document)


@pytest.mark.parametrize("data", ["", "{", "null", "[]", "3", '"\\ud800"', "[" * 100_000, "NaN", b"\xff"])
def test_what_is_no_object_is_refused(data: str | bytes) -> None:
    with pytest.raises(Misfit, match=r"\Athe whole: "):
        parse_record(EvaluateResult, data)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", '"0.5"', "true"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    text = json.dumps(to_plain(make_evaluation())).replace('"gain": 0.025', f'"gain": {number}')
    with pytest.raises(Misfit, match=r"\Averdict\.gain: Input should be a"):
        parse_record(EvaluateResult, text)


def test_nothing_is_converted() -> None:
    for name, value in (("rows", 7.0), ("rows", True), ("reused", 1), ("run_id", 7), ("champion_night", 1360368000)):
        with pytest.raises(Misfit, match=name):
            parse_plain(EvaluateResult, {**to_plain(make_evaluation()), name: value})


def test_what_newer_code_adds_is_left_out() -> None:
    newer = to_plain(WHOLE[2])
    for part in (newer, newer["detail"], newer["detail"]["verdict"]):
        part["newer"] = {"added": "later"}
    assert parse_plain(kind_of("evaluate"), newer) == WHOLE[2]


def test_the_index_keeps_the_numbers_without_the_failures() -> None:
    dataset = make_dataset(failed=2)
    summary = to_plain(dataset.summarize())
    assert {**summary, "failures": to_plain(dataset.failures)} == to_plain(dataset)


def test_every_type_within_a_result_is_one_that_is_stored_here() -> None:
    """A part without a type of its own would be read by the names of its keys."""
    known = {CheckFailure, CheckedDataset, Check, SliceGain, Verdict, Decision, FailedRun, JoinCounts, LeftOutNight}
    for kind in DETAIL_TYPES.values():
        for hint in _hints(kind):
            assert hint is not Any
            assert not is_dataclass(hint) or hint in known, hint


def _hints(kind: Any) -> Iterator[Any]:
    for hint in get_type_hints(kind).values():
        yield from _parts(hint)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for inner in get_args(hint):
        yield from _parts(inner)
    if isinstance(hint, type) and is_dataclass(hint):
        for field in fields(hint):
            yield from _parts(get_type_hints(hint)[field.name])


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
FIGURES = st.floats(allow_nan=False, allow_infinity=False)
VERDICTS = st.builds(
    make_verdict,
    promote=st.booleans(),
    reason=TEXTS,
    challenger=st.none() | FIGURES,
    gain=st.none() | FIGURES,
    interval=st.none() | st.tuples(FIGURES, FIGURES),
    checks=st.lists(st.builds(Check, name=TEXTS, passed=st.booleans(), sentence=TEXTS), max_size=2).map(tuple),
)
EVALUATIONS = st.builds(
    make_evaluation,
    verdict=VERDICTS,
    champion_version=st.none() | st.integers(1, 10**9),
    champion_night=st.none() | st.dates(),
    holdout_nights=st.lists(st.dates(), max_size=3).map(tuple),
    trusted=st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2).map(tuple), max_size=2),
    inputs=st.dictionaries(TEXTS, TEXTS, max_size=2),
    gate=st.dictionaries(TEXTS, TEXTS | st.integers() | FIGURES | st.lists(TEXTS, max_size=2).map(tuple), max_size=3),
    seed=st.integers(0, 2**32),
)


@given(EVALUATIONS)
def test_whatever_a_verdict_says_comes_back(evaluation: EvaluateResult) -> None:
    data = to_json(to_plain(evaluation))
    assert parse_record(EvaluateResult, data) == evaluation
    assert to_json(to_plain(parse_record(EvaluateResult, data))) == data
