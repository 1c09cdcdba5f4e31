"""What may be asked for in a run's configuration besides a night, and that nothing else ever reaches a pod."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType
from hypothesis import example, given
from hypothesis import strategies as st

from nightshift import catalog
from nightshift.errors import BadConfig
from nightshift_airflow.dags.task_factory import make_set_champion_task
from nightshift_airflow.runs.run_conf import (
    VARIABLE_REFERENCES,
    VERSION,
    ChampionChoice,
    read_champion_choice,
    read_nights,
)

TODAY = date(2013, 3, 1)
WHY = "it is late on Mondays"
ANYTHING = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.lists(st.text()), st.booleans())


def test_the_previous_version_is_chosen_unless_another_is_named() -> None:
    assert read_champion_choice({"reason": WHY}) == ChampionChoice("previous", WHY)
    assert read_champion_choice({"version": "17", "reason": WHY}) == ChampionChoice("17", WHY)


@pytest.mark.parametrize(
    "version", ["", "0", "07", "-1", "latest", "7\n", "7;id", "٧", "７", "7 ", "1" * 10, 7, None, ["7"], "Previous"]
)
def test_what_is_no_version_is_refused_in_one_sentence(version: object) -> None:
    with pytest.raises(BadConfig, match=r"\Aversion must be 'previous', 'none' or the number of a registered version"):
        read_champion_choice({"version": version, "reason": WHY})


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (None, "enter a reason"),
        (7, "enter a reason"),
        ("", "3 to 500 characters, not 0"),
        ("  no  ", "3 to 500 characters, not 2"),
        ("x" * 501, "3 to 500 characters, not 501"),
        ("one\ntwo", "one line of text"),
        ("tab\tbed", "one line of text"),
        ("bell\x07bell", "one line of text"),
        ("turned \u202e round", "one line of text"),
        ("line \u2028 separator", "one line of text"),
        ("see $(AWS_SECRET_ACCESS_KEY)", "must not contain '$(': Kubernetes would put something else"),
        ("for $$ and fame", "must not contain '$$': Kubernetes would put something else"),
    ],
)
def test_a_reason_is_required_and_is_one_line_of_text(reason: object, message: str) -> None:
    with pytest.raises(BadConfig, match=re.escape(message)) as refused:
        read_champion_choice({"reason": reason})
    assert len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "reason", ["x" * 500, "--dry-run is no option here", "{{ ds }}; rm -rf / && 'quoted'", "zu spät", "5 $ or $X"]
)
def test_a_reason_is_taken_letter_by_letter(reason: str) -> None:
    assert read_champion_choice({"reason": reason}).reason == reason


@pytest.mark.parametrize("conf", [{"reason": WHY, "night": "2013-02-09"}, {"reason": WHY, "force": True}])
def test_an_unknown_key_is_refused(conf: dict[str, Any]) -> None:
    with pytest.raises(
        BadConfig, match=r"unknown keys \['(night|force)'\]: the only ones are \['reason', 'unverified', 'version'\]"
    ):
        read_champion_choice(conf)


@pytest.mark.parametrize("unverified", [None, "true", 1, "--unverified"])
def test_unverified_is_true_or_false(unverified: object) -> None:
    with pytest.raises(BadConfig, match="unverified must be true or false"):
        read_champion_choice({"version": "7", "reason": WHY, "unverified": unverified})


def attempt(conf: dict[str, Any]) -> tuple[ChampionChoice | None, str]:
    """The choice that is taken, or the sentence that refuses it."""
    try:
        return read_champion_choice(conf), ""
    except BadConfig as error:
        return None, str(error)


@given(st.dictionaries(st.sampled_from(["version", "reason", "else"]), ANYTHING))
@example({"version": "1", "reason": "a\x00bc"})
def test_whatever_is_sent_is_a_choice_or_one_line(conf: dict[str, Any]) -> None:
    choice, refusal = attempt(conf)
    assert len(refusal) < 300
    assert "\n" not in refusal
    if choice:
        assert VERSION.match(choice.version)
        assert choice.reason.isprintable()
        assert not [mark for mark in VARIABLE_REFERENCES if mark in choice.reason]


def test_the_command_is_told_when_its_run_was_triggered() -> None:
    """Neither the start of the run nor that of a retry: what became champion in between was not meant."""
    triggered, started = datetime(2013, 3, 1, 4, 5, 6, 789, tzinfo=UTC), datetime(2013, 3, 2, tzinfo=UTC)
    run = DagRun(
        dag_id="flights_set_champion",
        run_id="manual__1",
        logical_date=started,
        data_interval_start=started,
        data_interval_end=started,
        run_after=triggered,
        start_date=started,
        end_date=None,
        run_type=DagRunType.MANUAL,
        state=DagRunState.RUNNING,
        conf={"version": "7", "reason": WHY},
        consumed_asset_events=[],
        partition_key=None,
    )
    task = make_set_champion_task(catalog.load_model("flights"))
    arguments = task.make_arguments({"dag_run": run})
    assert arguments == ["7", f"--reason={WHY}", "--asked-at=2013-03-01T04:05:06.000789+00:00"]
    run.conf = {"version": "7", "reason": WHY, "unverified": True}
    assert task.make_arguments({"dag_run": run}) == [*arguments, "--unverified"]


def test_a_range_of_nights_is_taken() -> None:
    assert read_nights({"first": "2013-02-01", "last": "2013-02-28"}, TODAY) == (date(2013, 2, 1), date(2013, 2, 28))


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({}, "enter 'first' and 'last'"),
        ({"first": "2013-02-01"}, "enter 'first' and 'last'"),
        ({"first": "2013-02-01", "last": None}, "enter 'first' and 'last'"),
        ({"first": "2013-02-02", "last": "2013-02-01"}, "end before they begin"),
        ({"first": "2013-02-01", "last": "2013-03-01"}, "is not over yet"),
        ({"first": "2013-02-01", "last": "2013-02-30"}, "is not a day of the calendar"),
        ({"first": "2013-02-01..2013-02-02", "last": "2013-02-03"}, "is not a date"),
        ({"first": "2013-02-01", "last": "2013-02-02\n"}, "is not a date"),
        ({"first": "2013-02-01", "last": "2013-02-02", "night": "2013-02-02"}, "unknown keys"),
    ],
)
def test_what_is_no_range_is_refused_in_one_line(conf: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig, match=message) as refused:
        read_nights(conf, TODAY)
    assert "\n" not in str(refused.value)
