"""Cron lines: what Airflow reads is taken, what it would refuse at night is refused where the definition loads."""

import re
from datetime import datetime, timedelta

import pytest
from croniter import croniter  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift import cron
from nightshift.cron import require_cron
from nightshift.definition import Schedule
from nightshift.errors import BadConfig


@pytest.mark.parametrize(
    "line",
    [
        "0 0 * * *",
        "30 4 * * mon",
        "30 4 * * MON",
        "05 03 1 * 1",
        "0 0 29 2 *",
        "0 0 31 2 1",
        "0 0 1-15/2 jan-mar 5-7",
        "0 0 30-31 2,4 *",
        "0  0 * * 0",
        " 0 0 * * 7 ",
        "0 0 */2 * *",
    ],
)
def test_a_line_that_airflow_reads_is_taken(line: str) -> None:
    assert Schedule(cron=line).cron == line
    assert croniter(line).get_next(datetime)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("61 0 * * *", "'61 0 * * *': minute 61 must lie between 0 and 59"),
        ("0 24 * * *", "hour 24 must lie between 0 and 23"),
        ("0 0 0 * *", "day of month 0 must lie between 1 and 31"),
        ("0 0 32 * *", "day of month 32 must lie between 1 and 31"),
        ("0 0 * 13 *", "month 13 must lie between 1 and 12"),
        ("0 0 * * 8", "day of week 8 must lie between 0 and 7"),
        ("0 0 * * sunday", "day of week 'sunday' must be a number from 0 to 7 or a name such as 'sun'"),
        ("0 0 * foo *", "month 'foo' must be a number from 1 to 12 or a name such as 'jan'"),
        ("jan 0 * * *", "minute 'jan' must be a number from 0 to 59"),
        ("0 */0 * * *", "the step of hour '*/0' must lie between 1 and 23"),
        ("*/70 0 * * *", "the step of minute '*/70' must lie between 1 and 59"),
        ("0 22-2 * * *", "hour '22-2' ends before it begins"),
        ("0,,1 0 * * *", "minute '' is none of"),
        ("0 0 1, * *", "day of month '' is none of"),
        ("-1 0 * * *", "minute '-1' is none of"),
        ("1.5 0 * * *", "minute '1.5' is none of"),
        ("0 0 L * *", "day of month 'l' must be a number"),
        ("0 0 1W * *", "day of month '1w' must be a number"),
        ("0 0 * * 5#3", "day of week '5#3' is none of"),
        ("0 0 ? * *", "day of month '?' is none of"),
        ("H 0 * * *", "minute 'h' must be a number"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 31 2,4,6,9,11 *", "never fires"),
        ("0 0 30 feb *", "never fires"),
        ("0 */6 * * *", "fires more than once a day"),
        ("*/5 0 * * *", "fires more than once a day"),
        ("* * * * *", "fires more than once a day"),
        ("@daily", "must have five fields, as in '0 0"),
        ("nightly", "must have five fields"),
        ("", "must have five fields"),
        ("0 0 * * * *", "must have five fields"),
        ("0 0 * *", "must have five fields"),
        ("0 0 * * *\n", "must be one line of text"),
        ("٠ 0 * * *", "must be one line of text"),
        (None, "must be one line of text such as '0 0 * * *', not NoneType"),
        (0, "must be one line of text such as '0 0 * * *', not int"),
    ],
)
def test_a_line_that_could_not_work_is_one_sentence_when_the_definition_loads(line: object, sentence: str) -> None:
    with pytest.raises(BadConfig, match=re.escape(sentence)) as refused:
        Schedule(cron=line)  # type: ignore[arg-type]  # what a definition may hold
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


ITEMS = st.from_regex(r"\A([0-9]{1,2}|\*)(-[0-9]{1,2})?(/[0-9]{1,2})?\Z", fullmatch=True)


@settings(max_examples=300)
@given(st.lists(ITEMS, min_size=5, max_size=5).map(" ".join))
def test_whatever_is_taken_is_a_line_that_fires_in_airflow(line: str) -> None:
    try:
        require_cron(line)
    except BadConfig:
        return
    assert croniter(line).get_next(datetime)


@given(st.text(max_size=80))
def test_any_text_is_taken_or_refused_in_one_line(line: str) -> None:
    sentence = ""
    try:
        require_cron(line)
    except BadConfig as refused:
        sentence = str(refused)
    assert sentence.isprintable()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "US/Eastern", "Asia/Calcutta", "America/Argentina/Ushuaia"])
def test_a_zone_or_a_link_to_one_is_taken(zone: str) -> None:
    assert Schedule(timezone=zone).timezone == zone


@pytest.mark.parametrize(
    ("zone", "sentence"),
    [
        ("europe/berlin", "'europe/berlin' is no IANA time zone: did you mean 'Europe/Berlin'"),
        ("Europe/Berlni", "did you mean 'Europe/Berlin'"),
        ("Mars/Base", "is no IANA time zone"),
        ("", "'' is no IANA time zone: write it as 'UTC' or"),
        ("Europe", "is no IANA time zone"),
        ("Europe/", "is no IANA time zone"),
        ("../UTC", "is no IANA time zone"),
        ("/etc/localtime", "is no IANA time zone"),
        ("UTC\0", "is no IANA time zone"),
        ("localtime", "is no IANA time zone"),
        ("right/UTC", "is no IANA time zone"),
        ("+02:00", "is no IANA time zone"),
        ("x" * 500, "is no IANA time zone"),
        (None, "must be the name of an IANA time zone, not NoneType"),
        (2, "must be the name of an IANA time zone, not int"),
    ],
)
def test_what_is_no_zone_is_refused_in_a_sentence(zone: object, sentence: str) -> None:
    with pytest.raises(BadConfig, match=sentence) as refused:
        Schedule(timezone=zone)  # type: ignore[arg-type]  # what a definition may hold
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retries", -1),
        ("retries", "2"),
        ("retries", None),
        ("retries", True),
        ("retries", 1.0),
        ("retries", 21),
        ("days", 0),
        ("days", "7"),
        ("days", 1.5),
        ("days", True),
        ("days", None),
        ("retry_delay", 60),
        ("retry_delay", None),
        ("retry_delay", -timedelta(1)),
        ("retry_delay", timedelta(1)),
    ],
)
def test_a_number_of_the_schedule_that_could_not_work_is_named(field: str, value: object) -> None:
    with pytest.raises(BadConfig, match=f"schedule {field} .* must be a"):
        Schedule(**{field: value})  # type: ignore[arg-type]  # what a definition may hold


def test_the_names_are_those_of_the_calendar() -> None:
    assert (len(cron.MONTHS), len(cron.WEEKDAYS)) == (12, 7)
