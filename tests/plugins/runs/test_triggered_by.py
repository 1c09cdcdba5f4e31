"""Who or what causes a command: Airflow's facts of a run, cut to what may stand in a pod's environment."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.commands.approval_options import PERSON
from nightshift_airflow.runs.triggered_by import clean_name, make_environment, read_conf


@dataclass(frozen=True)
class Run:
    """A DAG run as a task sees it."""

    run_id: str = "manual__2013-02-09T00:00:00+00:00_x"
    run_type: str = "manual"
    triggering_user_name: str | None = None
    conf: dict[str, Any] | None = None


def test_a_run_by_hand_names_who_asked() -> None:
    assert make_environment("flights_nightly", Run(triggering_user_name="ada"), "steps:1") == {
        "NIGHTSHIFT_RUN_CAUSED_BY": "flights_nightly:manual__2013-02-09T00:00:00+00:00_x",
        "NIGHTSHIFT_RUN_KIND": "manual",
        "NIGHTSHIFT_RUN_USER": "ada",
        "NIGHTSHIFT_RUN_BACKFILL": "",
        "NIGHTSHIFT_RUN_IMAGE": "steps:1",
    }


def test_a_run_by_the_clock_names_nobody() -> None:
    assert make_environment("d", Run(run_type="scheduled"), "")["NIGHTSHIFT_RUN_USER"] == ""


@pytest.mark.parametrize(
    ("kind", "conf", "number"),
    [
        ("backfill", {"backfill": 7}, "7"),
        ("backfill", {"backfill": "7"}, ""),
        ("backfill", {"backfill": True}, ""),
        ("backfill", {"backfill": -7}, ""),
        ("backfill", {"backfill": "$(AWS_SECRET_ACCESS_KEY)"}, ""),
        ("backfill", None, ""),
        ("manual", {"backfill": 7}, ""),  # anybody may write that
    ],
)
def test_only_a_backfill_has_the_number_of_one(kind: str, conf: dict[str, Any] | None, number: str) -> None:
    assert make_environment("d", Run(run_type=kind, conf=conf), "")["NIGHTSHIFT_RUN_BACKFILL"] == number


@pytest.mark.parametrize("kind", ["backfill", "manual"])  # a run by hand may be triggered with a backfill's config
def test_what_was_added_to_a_backfill_is_not_taken_for_what_somebody_wrote(kind: str) -> None:
    assert read_conf(Run(run_type=kind, conf={"backfill": 7, "nigth": "x"})) == {"nigth": "x"}
    assert read_conf(Run(run_type=kind)) == {}


def test_an_image_keeps_its_digest() -> None:
    image = f"registry.example.com:5000/team/steps@sha256:{'0f' * 32}"
    assert make_environment("d", Run(), image)["NIGHTSHIFT_RUN_IMAGE"] == image


HOSTILE = "$(AWS_SECRET_ACCESS_KEY)\n{{ var.value.x }};\x00\u202e"


def test_nothing_that_kubernetes_or_a_shell_would_read_is_left() -> None:
    environment = make_environment("d", Run(HOSTILE, HOSTILE, HOSTILE, {"backfill": HOSTILE}), HOSTILE)
    for value in environment.values():
        assert not re.search(r"[$(){};\n\x00\u202e]", value), value


@given(st.text())
def test_every_name_is_one_that_the_command_line_takes_or_none(text: str) -> None:
    name = clean_name(text)
    assert name == "" or PERSON.match(name)


@given(st.text(min_size=200), st.text(min_size=800))
def test_every_value_has_an_end(long: str, image: str) -> None:
    assert all(len(value) <= 500 for value in make_environment(long, Run(long, long, long), image).values())
