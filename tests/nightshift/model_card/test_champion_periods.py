from dataclasses import replace

from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.model_card.champion_periods import decisions, list_periods, state
from version_records import entry


def ledger(*found: Entry) -> list[Entry]:
    return [replace(one, number=number) for number, one in enumerate(found, 1)]


BACK_AND_FORTH = ledger(
    entry("promotion", 1, 1),
    entry("promotion", 2, 2, previous=1),
    entry("refusal", 3, 2, previous=2),
    entry("set_champion", 1, 1, previous=2, withdraws=2, withdrawn=(2,), when="2013-03-04T08:00:00+00:00"),
    entry("superseded", 4, 1, previous=1, withdrawn=(2,)),
    entry("promotion", 5, 5, previous=1, withdrawn=(2,)),
)


def test_a_version_reigns_from_the_entry_that_crowned_it_to_the_one_that_crowned_another() -> None:
    first, again = list_periods(BACK_AND_FORTH, 1)
    assert (first.entry, first.end, first.by, first.end_how) == (1, 2, 2, "promotion")
    assert (again.entry, again.since, again.how, again.end, again.by) == (
        4,
        "2013-03-04T08:00:00+00:00",
        "set_champion",
        6,
        5,
    )
    assert (again.for_night, again.end_night) == ("2013-02-01", "2013-02-05")
    (withdrawn,) = list_periods(BACK_AND_FORTH, 2)
    assert (withdrawn.entry, withdrawn.end, withdrawn.by, withdrawn.end_how) == (2, 4, 1, "set_champion")
    (standing,) = list_periods(BACK_AND_FORTH, 5)
    assert (standing.entry, standing.end) == (6, None)
    assert list_periods(BACK_AND_FORTH, 3) == ()


def test_where_each_version_stands() -> None:
    stands = {number: state(BACK_AND_FORTH, number, judged=True, registered=True) for number in range(1, 7)}
    assert stands == {1: "replaced", 2: "withdrawn", 3: "refused", 4: "superseded", 5: "champion", 6: "judged"}
    assert state([], 1, judged=False, registered=True) == "registered"
    assert state([], 1, judged=False, registered=False) == "unknown"


def test_a_withdrawn_version_that_was_reinstated_reigns_or_was_replaced() -> None:
    reinstated = [*BACK_AND_FORTH[:4], *ledger(entry("set_champion", 2, 2, previous=1, withdraws=1, withdrawn=(1,)))]
    assert state(reinstated, 2, judged=True, registered=True) == "champion"
    assert state(reinstated, 1, judged=True, registered=True) == "withdrawn"


def test_a_refused_version_that_wins_later_is_no_longer_refused() -> None:
    found = ledger(entry("refusal", 1, None), entry("promotion", 1, 1))
    assert state(found, 1, judged=True, registered=True) == "champion"
    assert [one.relation for one in decisions(found, 1)] == ["about it", "about it"]


def test_decisions_are_those_about_it_and_those_that_ended_its_reign() -> None:
    def told(number: int) -> list[tuple[int, str]]:
        return [(one.entry.number, one.relation) for one in decisions(BACK_AND_FORTH, number)]

    assert told(1) == [(1, "about it"), (2, "replaced it"), (4, "about it"), (6, "replaced it")]
    assert told(2) == [(2, "about it"), (4, "withdrew it")]
    assert told(3) == [(3, "about it")]


def test_a_person_who_wants_no_champion_ends_a_reign() -> None:
    found = ledger(entry("promotion", 1, 1), entry("set_champion", None, None, previous=1, withdraws=1, withdrawn=(1,)))
    (period,) = list_periods(found, 1)
    assert (period.end, period.by, period.end_night) == (2, None, "")
    assert state(found, 1, judged=True, registered=True) == "withdrawn"
