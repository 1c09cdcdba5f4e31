import time
from datetime import date, datetime, timedelta

import pytest

from nightshift.adapters.ledger import Ledger
from nightshift.adapters.ledger_entries import Cause, Entry
from nightshift.adapters.registry_rest import WITHDRAWN
from nightshift.promotion import rollback
from nightshift.promotion.court import court
from nightshift.promotion.rollback import Wish, asked_at_of, reason_of, roll_back, version_of
from nightshift.promotion.settle import adopt
from nightshift.errors import BadConfig, DataRejected, NothingToDo
from support.champion_fixtures import TinyModel

ONE, TWO, THREE, FOUR = (date(2013, 2, day) for day in (16, 17, 18, 19))


@pytest.fixture
def reigns(tiny: TinyModel) -> TinyModel:
    """Versions 1, 2 and 3, each champion after the other."""
    for night, skill in ((ONE, 3), (TWO, 5), (THREE, 9)):
        tiny.make_champion(night, skill)
    return tiny


def test_the_one_before_reigns_again_and_the_standing_one_is_withdrawn(reigns: TinyModel) -> None:
    made = reigns.set_champion("previous", reason="predicts nonsense")
    assert not made.again
    last = reigns.entries[-1]
    assert last == made.entry
    assert (last.kind, last.version, last.night) == ("rollback", 2, "2013-02-17")
    assert (last.champion_version, last.champion_night, last.champion_entry) == (2, "2013-02-17", 4)
    assert (last.previous_version, last.previous_night, last.withdrawn, last.barred) == (3, "2013-02-18", 3, (3,))
    assert (last.reason, last.cause.user, last.cause.by) == ("predicts nonsense", "ana", "rollback:run-1")
    assert reigns.alias == 2
    assert reigns.registry.version(reigns.name, 3).tags[WITHDRAWN] == "000004"
    reigns.assert_synced()


def test_the_withdrawn_version_is_not_promoted_again_by_a_rerun(reigns: TinyModel) -> None:
    reigns.set_champion("previous", reason="predicts nonsense")
    reigns.evaluate(THREE)  # it would win again
    result = reigns.promote(THREE)
    assert result.outcome == "nothing_to_do"
    assert "version 3 was withdrawn on 20" in result.summary
    assert "by ana: predicts nonsense; champion 2 scores for 2013-02-18" in result.summary
    assert (result.detail["promoted"], result.detail["champion_version"]) == (False, 2)
    assert (reigns.alias, len(reigns.entries)) == (2, 4)


def test_later_nights_compete_with_the_champion_that_reigns_now(reigns: TinyModel) -> None:
    reigns.set_champion("previous")
    reigns.challenge(FOUR, 7)  # worse than the withdrawn one, better than the reinstated one
    result = reigns.promote(FOUR)
    assert result.outcome == "done", result.summary
    assert (reigns.entries[-1].previous_version, reigns.alias) == (2, 4)
    assert reigns.entries[-1].barred == (3,)


@pytest.mark.slow
def test_a_challenger_that_does_not_beat_the_reinstated_one_is_refused(reigns: TinyModel) -> None:
    reigns.set_champion("previous")
    reigns.challenge(FOUR, 5)
    assert reigns.promote(FOUR).outcome == "nothing_to_do"
    assert reigns.alias == 2


@pytest.mark.slow
def test_twice_back_goes_on_behind_the_withdrawn_ones(reigns: TinyModel) -> None:
    reigns.set_champion("previous", by="rollback:run-1")
    reigns.set_champion("previous", reason="this one too", by="rollback:run-2")
    assert (reigns.alias, reigns.entries[-1].withdrawn, reigns.entries[-1].barred) == (1, 2, (2, 3))
    with pytest.raises(BadConfig, match=r"version 1 is champion of tiny_\d+ and no earlier champion is left"):
        reigns.set_champion("previous", reason="and this", by="rollback:run-3")


@pytest.mark.slow
def test_a_deleted_version_is_skipped(reigns: TinyModel) -> None:
    reigns.delete(2)
    reigns.set_champion("previous")
    assert reigns.alias == 1


@pytest.mark.slow
def test_a_withdrawn_version_is_brought_back_by_its_number(reigns: TinyModel) -> None:
    reigns.set_champion("previous")
    reigns.set_champion("3", reason="it was the data", by="rollback:run-2")
    assert (reigns.alias, reigns.entries[-1].barred, reigns.entries[-1].withdrawn) == (3, (2,), 2)
    assert WITHDRAWN not in reigns.registry.version(reigns.name, 3).tags
    assert reigns.promote(THREE).outcome == "done"  # its own night finds that it was promoted
    reigns.assert_synced()


def test_the_same_run_rolls_back_once_whatever_happened_since(reigns: TinyModel) -> None:
    reigns.set_champion("previous")
    reigns.make_champion(FOUR, 7)
    again = reigns.set_champion("previous")
    assert again.again
    assert (again.entry.number, reigns.alias, len(reigns.entries)) == (4, 4, 5)


def test_a_button_that_is_pressed_twice_rolls_back_once(reigns: TinyModel) -> None:
    reigns.set_champion("previous", by="rollback:run-1")
    twice = reigns.set_champion("previous", by="rollback:run-2")
    assert (twice.again, reigns.alias, len(reigns.entries)) == (True, 2, 4)
    reigns.make_champion(FOUR, 7)  # what stands now was never rolled back for that reason
    later = reigns.set_champion("previous", by="rollback:run-3")
    assert (later.again, reigns.alias, later.entry.withdrawn) == (False, 2, 4)


def _crowned_at(tiny: TinyModel) -> datetime:
    """When the standing champion was crowned, by the ledger."""
    return datetime.fromisoformat(tiny.entries[-1].when)


def _next_second() -> None:
    """The ledger counts in seconds."""
    time.sleep(1 - time.time() % 1)


def test_who_became_champion_after_it_was_asked_for_is_not_withdrawn(reigns: TinyModel) -> None:
    """A retry, a slow pod or a run in the queue: the person who asked had seen another champion."""
    crowned = _crowned_at(reigns)
    said = r"version 3 of tiny_\d+ became champion at .*, after this rollback was asked for at .*: nothing was rolled"
    with pytest.raises(BadConfig, match=said):
        reigns.set_champion("previous", asked_at=crowned - timedelta(seconds=1))
    with pytest.raises(BadConfig, match=said):
        reigns.set_champion("1", asked_at=crowned - timedelta(days=9))
    assert (reigns.alias, len(reigns.entries)) == (3, 3)
    assert not reigns.set_champion("previous", asked_at=crowned).again


def test_of_two_people_who_ask_at_once_one_rolls_back_and_the_other_is_told(reigns: TinyModel) -> None:
    asked = _crowned_at(reigns)
    _next_second()
    reigns.set_champion("previous", by="rollback:run-1", user="ana", asked_at=asked)
    with pytest.raises(BadConfig, match=r"version 2 of tiny_\d+ became champion at"):
        reigns.set_champion("previous", by="rollback:run-2", user="ben", asked_at=asked)
    assert reigns.set_champion("previous", by="rollback:run-1", user="ana", asked_at=asked).again
    assert (reigns.alias, len(reigns.entries)) == (2, 4)


def test_an_old_run_that_is_not_remembered_is_refused(reigns: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _crowned_at(reigns)
    reigns.set_champion("previous", asked_at=asked)
    _next_second()
    reigns.make_champion(FOUR, 7)
    monkeypatch.setattr(rollback, "REMEMBERED", 1)
    with pytest.raises(BadConfig, match=r"version 4 of tiny_\d+ became champion at"):
        reigns.set_champion("previous", asked_at=asked)
    assert (reigns.alias, len(reigns.entries)) == (4, 5)


@pytest.mark.slow
def test_a_shell_rolls_back_further_for_another_reason_only(reigns: TinyModel) -> None:
    shell = Cause(by="shell", kind="shell", user="ana")
    for reason, alias, again in (("too slow", 2, False), ("too slow", 2, True), ("this one too", 1, False)):
        made = roll_back(reigns.store, reigns.registry, Wish(reigns.name, None, reason, shell))
        assert (reigns.alias, made.again) == (alias, again), reason


@pytest.mark.slow
def test_the_standing_champion_is_nothing_to_do(reigns: TinyModel) -> None:
    with pytest.raises(NothingToDo, match=r"version 3 is champion of tiny_.* already"):
        reigns.set_champion("3")
    assert len(reigns.entries) == 3


def test_a_version_that_never_reigned_is_refused(reigns: TinyModel) -> None:
    loser = reigns.challenge(FOUR, 2)
    reigns.promote(FOUR)
    with pytest.raises(BadConfig, match=rf"version {loser} of tiny_\d+ never was champion"):
        reigns.roll_back(loser)
    with pytest.raises(BadConfig, match=r"version 99 of model tiny_.* is not in MLflow's registry"):
        reigns.set_champion("9"9)
    assert reigns.alias == 3


SLOW = pytest.mark.slow


@pytest.mark.parametrize("broken", [pytest.param("changed", marks=SLOW), pytest.param("gone", marks=SLOW), "tagged"])
def test_a_version_whose_model_is_not_what_was_promoted_is_refused(reigns: TinyModel, broken: str) -> None:
    version = reigns.registry.version(reigns.name, 2)
    path = f"{reigns.registry.files(version)}/model.skops"
    if broken == "changed":
        reigns.registry.server.put_artifact(path, b"cut sho")
    elif broken == "gone":
        reigns.registry.server._send("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{path}", None, 1)
    else:  # file and tag were both replaced: the ledger knows better
        reigns.registry.server.put_artifact(path, b"evil")
        reigns.registry.tag(version, {"nightshift.artifact_sha256": reigns.registry.digest(version) or ""})
    with pytest.raises(DataRejected, match=r"version 2 of tiny_.* cannot be champion again: its model"):
        reigns.set_champion("2")
    assert (reigns.alias, len(reigns.entries)) == (3, 3)


@pytest.mark.slow
def test_a_first_champion_has_nobody_before_it(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    with pytest.raises(BadConfig, match="no earlier champion is left"):
        tiny.set_champion("previous")


@pytest.mark.slow
def test_an_empty_throne_takes_the_newest_champion_that_is_left(reigns: TinyModel) -> None:
    reigns.delete(3)
    reigns.set_champion("previous")
    assert reigns.alias == 2
    assert [entry.kind for entry in reigns.entries[3:]] == ["adoption", "rollback"]
    assert reigns.entries[-1].withdrawn is None


@pytest.mark.slow
def test_an_alias_moved_by_hand_is_recorded_before_it_is_rolled_back(reigns: TinyModel) -> None:
    reigns.registry.set_champion(reigns.name, 1)
    with pytest.raises(BadConfig, match=r"version 1 of tiny_\d+ was found to be champion by hand at"):
        reigns.set_champion("2")  # whoever asked may not know of it
    reigns.set_champion("2")
    kinds = [(entry.kind, entry.champion_version, entry.withdrawn) for entry in reigns.entries[3:]]
    assert kinds == [("adoption", 1, None), ("rollback", 2, 1)]


def test_a_version_is_not_held_to_the_file_of_one_that_had_its_number(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.forget()
    adopt(court(tiny.registry, tiny.ledger, tiny.name), Cause(by="shell"))
    assert [tiny.make_champion(night, skill) for night, skill in ((TWO, 5), (THREE, 7))] == [1, 2]
    tiny.set_champion("1")
    assert (tiny.alias, tiny.entries[-1].withdrawn) == (1, 2)
    tiny.assert_synced()


def test_where_nobody_reigns_nothing_counts_as_done(reigns: TinyModel) -> None:
    reigns.set_champion("previous", by="rollback:run-1")
    reigns.delete(2)
    again = reigns.set_champion("previous", by="rollback:run-2")
    assert (again.again, reigns.alias) == (False, 1)


def test_without_a_name_two_people_are_not_the_same(reigns: TinyModel) -> None:
    for run, alias in (("rollback:run-1", 2), ("rollback:run-2", 1)):
        assert not reigns.set_champion("previous", by=run, user="").again
        assert reigns.alias == alias


def test_a_rollback_reads_no_reign_behind_the_one_that_it_goes_back_to(
    reigns: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reigns.make_champion(FOUR, 11)
    honest, read = Ledger.entry, set[int]()

    def entry(ledger: Ledger, number: int) -> Entry:
        read.add(number)
        return honest(ledger, number)

    monkeypatch.setattr(Ledger, "entry", entry)
    monkeypatch.setattr(rollback, "REMEMBERED", 1)
    reigns.set_champion("3")
    assert min(read) == 3


def test_a_withdrawn_version_is_nobodys_rival(reigns: TinyModel) -> None:
    reigns.set_champion("1")
    seen = court(reigns.registry, reigns.ledger, reigns.name)
    assert seen.withdrawn == {3}
    found = {night: seen.reigning(night) for night in (date(2013, 2, 15), ONE, THREE, FOUR)}
    numbers = {night: reign.number if reign else None for night, reign in found.items()}
    assert numbers == {date(2013, 2, 15): None, ONE: 1, THREE: 1, FOUR: 1}
    behind = seen.reigning(THREE, without=1)
    assert behind is not None
    assert behind.number == 2


@pytest.mark.parametrize("text", ["", "0", "-1", "1;2", "٣", "latest", "1" * 10, "Previous"])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match="is no version: write its number, or previous"):
        version_of(text)


@pytest.mark.parametrize("text", ["", "ab", "  x  ", "two\nlines", "bell\a", "hidden\u202e", "x" * 501])
def test_a_reason_that_says_nothing_or_hides_something_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match="the reason"):
        reason_of(text)


@pytest.mark.parametrize("text", ["", "now", "2013-02-18", "2013-02-18T06:30:00"])
def test_an_instant_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match=r"is no instant|has no time zone"):
        asked_at_of(text)


def test_what_a_person_writes_is_taken() -> None:
    assert (version_of("previous"), version_of("12")) == (None, 12)
    assert reason_of("  zu langsam: 2× – seit Montag ") == "zu langsam: 2× – seit Montag"
