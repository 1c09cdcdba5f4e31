from dataclasses import replace

from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.model_card.champion_periods import find_state, list_decisions, list_periods
from support.version_records import build_entry


def ledger(*entries: Entry) -> list[Entry]:
    return [replace(item, number=number) for number, item in enumerate(entries, 1)]


BACK_AND_FORTH = ledger(
    build_entry("promotion", 1, 1),
    build_entry("promotion", 2, 2, previous=1),
    build_entry("refusal", 3, 2, previous=2),
    build_entry("set_champion", 1, 1, previous=2, withdraws=2, withdrawn=(2,), when="2013-03-04T08:00:00+00:00"),
    build_entry("superseded", 4, 1, previous=1, withdrawn=(2,)),
    build_entry("promotion", 5, 5, previous=1, withdrawn=(2,)),
)


def test_a_version_reigns_from_the_entry_that_crowned_it_to_the_one_that_crowned_another() -> None:
    first, second = list_periods(BACK_AND_FORTH, 1)
    assert (first.entry, first.end, first.by, first.end_how) == (1, 2, 2, "promotion")
    assert (second.entry, second.since, second.how, second.end, second.by) == (
        4,
        "2013-03-04T08:00:00+00:00",
        "set_champion",
        6,
        5,
    )
    assert (second.for_night, second.end_night) == ("2013-02-01", "2013-02-05")
    (withdrawn,) = list_periods(BACK_AND_FORTH, 2)
    assert (withdrawn.entry, withdrawn.end, withdrawn.by, withdrawn.end_how) == (2, 4, 1, "set_champion")
    (current,) = list_periods(BACK_AND_FORTH, 5)
    assert (current.entry, current.end) == (6, None)
    assert list_periods(BACK_AND_FORTH, 3) == ()


def test_where_each_version_stands() -> None:
    stands = {number: find_state(BACK_AND_FORTH, number, judged=True, registered=True) for number in range(1, 7)}
    assert stands == {1: "replaced", 2: "withdrawn", 3: "refused", 4: "superseded", 5: "champion", 6: "judged"}
    assert find_state([], 1, judged=False, registered=True) == "registered"
    assert find_state([], 1, judged=False, registered=False) == "unknown"


def test_a_withdrawn_version_that_was_reinstated_reigns_or_was_replaced() -> None:
    reinstated = [
        *BACK_AND_FORTH[:4],
        *ledger(build_entry("set_champion", 2, 2, previous=1, withdraws=1, withdrawn=(1,))),
    ]
    assert find_state(reinstated, 2, judged=True, registered=True) == "champion"
    assert find_state(reinstated, 1, judged=True, registered=True) == "withdrawn"


def test_a_refused_version_that_wins_later_is_no_longer_refused() -> None:
    actual = ledger(build_entry("refusal", 1, None), build_entry("promotion", 1, 1))
    assert find_state(actual, 1, judged=True, registered=True) == "champion"
    assert [decision.relation for decision in list_decisions(actual, 1)] == ["about it", "about it"]


def test_decisions_are_those_about_it_and_those_that_ended_its_reign() -> None:
    def told(number: int) -> list[tuple[int, str]]:
        return [(decision.entry.number, decision.relation) for decision in list_decisions(BACK_AND_FORTH, number)]

    assert told(1) == [(1, "about it"), (2, "replaced it"), (4, "about it"), (6, "replaced it")]
    assert told(2) == [(2, "about it"), (4, "withdrew it")]
    assert told(3) == [(3, "about it")]


def test_a_person_who_wants_no_champion_ends_a_reign() -> None:
    actual = ledger(
        build_entry("promotion", 1, 1), build_entry("set_champion", None, None, previous=1, withdraws=1, withdrawn=(1,))
    )
    (period,) = list_periods(actual, 1)
    assert (period.end, period.by, period.end_night) == (2, None, "")
    assert find_state(actual, 1, judged=True, registered=True) == "withdrawn"
