import time
from datetime import date, datetime, timedelta

import pytest

from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.errors import BadConfig, DataRejected, NothingToDo
from nightshift.promotion.champion_state import find_champion_on
from nightshift.promotion.set_champion import Request, parse_target, set_champion
from support.champion_fixtures import TinyModel

ONE, TWO, THREE, FOUR = (date(2013, 2, day) for day in (16, 17, 18, 19))


@pytest.fixture
def champions(tiny: TinyModel) -> TinyModel:
    """Versions 1, 2 and 3, each champion after the other."""
    for night, skill in ((ONE, 3), (TWO, 5), (THREE, 9)):
        tiny.make_champion(night, skill)
    return tiny


def test_the_one_before_is_champion_again_and_the_present_one_is_withdrawn(champions: TinyModel) -> None:
    created = champions.set_champion("previous", reason="predicts nonsense")
    assert not created.reused
    last = champions.entries[-1]
    assert last == created.entry
    assert (last.kind, last.version, last.night, last.unverified) == ("set_champion", 2, "2013-02-17", False)
    assert (last.champion_version, last.champion_night, last.champion_entry) == (2, "2013-02-17", 4)
    assert (last.previous_version, last.withdraws, last.withdrawn_versions) == (3, 3, (3,))
    assert (last.reason, last.cause.user, last.cause.by) == ("predicts nonsense", "ana", "set_champion:run-1")
    assert champions.alias == 2
    champions.assert_synced()


def test_the_withdrawn_version_is_not_promoted_again_by_a_rerun(champions: TinyModel) -> None:
    champions.set_champion("previous", reason="predicts nonsense")
    champions.evaluate(THREE)  # it would win again
    result = champions.promote(THREE)
    assert result.outcome == "nothing_to_do"
    assert "version 3 was withdrawn on 20" in result.summary
    assert "by ana: predicts nonsense; champion 2 scores for 2013-02-18" in result.summary
    assert (result.detail.promoted, result.detail.champion_version) == (False, 2)
    assert (champions.alias, len(champions.entries)) == (2, 4)


def test_later_nights_compete_with_the_champion_of_now(champions: TinyModel) -> None:
    champions.set_champion("previous")
    champions.train_and_judge(FOUR, 7)  # worse than the withdrawn one, better than the reinstated one
    result = champions.promote(FOUR)
    assert result.outcome == "done", result.summary
    assert (champions.entries[-1].previous_version, champions.alias) == (2, 4)
    assert champions.entries[-1].withdrawn_versions == (3,)


@pytest.mark.slow
def test_a_challenger_that_does_not_beat_the_reinstated_one_is_refused(champions: TinyModel) -> None:
    champions.set_champion("previous")
    champions.train_and_judge(FOUR, 5)
    assert champions.promote(FOUR).outcome == "nothing_to_do"
    assert champions.alias == 2


@pytest.mark.slow
def test_twice_back_goes_on_behind_the_withdrawn_ones(champions: TinyModel) -> None:
    champions.set_champion("previous", by="set_champion:run-1")
    champions.set_champion("previous", reason="this one too", by="set_champion:run-2")
    last = champions.entries[-1]
    assert (champions.alias, last.withdraws, last.withdrawn_versions) == (1, 2, (2, 3))
    with pytest.raises(BadConfig, match=r"version 1 is champion of tiny_\d+ and no earlier champion is left"):
        champions.set_champion("previous", reason="and this", by="set_champion:run-3")


@pytest.mark.slow
def test_a_deleted_version_is_skipped(champions: TinyModel) -> None:
    champions.delete(2)
    champions.set_champion("previous")
    assert champions.alias == 1


@pytest.mark.slow
def test_a_withdrawn_version_is_brought_back_by_its_number(champions: TinyModel) -> None:
    champions.set_champion("previous")
    champions.set_champion("3", reason="it was the data", by="set_champion:run-2")
    assert (champions.alias, champions.entries[-1].withdrawn_versions, champions.entries[-1].withdraws) == (3, (2,), 2)
    assert champions.promote(THREE).outcome == "done"  # its own night finds that it was promoted
    champions.assert_synced()


def test_the_same_run_decides_once_whatever_happened_since(champions: TinyModel) -> None:
    champions.set_champion("previous")
    champions.make_champion(FOUR, 7)
    second = champions.set_champion("previous")
    assert second.reused
    assert (second.entry.number, champions.alias, len(champions.entries)) == (4, 4, 5)


def test_a_button_that_is_pressed_twice_decides_once(champions: TinyModel) -> None:
    champions.set_champion("previous", by="set_champion:run-1")
    twice = champions.set_champion("previous", by="set_champion:run-2")
    assert (twice.reused, champions.alias, len(champions.entries)) == (True, 2, 4)
    champions.make_champion(FOUR, 7)  # the champion of now was never replaced for that reason
    later = champions.set_champion("previous", by="set_champion:run-3")
    assert (later.reused, champions.alias, later.entry.withdraws) == (False, 2, 4)


def _became_at(tiny: TinyModel) -> datetime:
    """When the champion became it, by the ledger."""
    return datetime.fromisoformat(tiny.entries[-1].when)


def _next_second() -> None:
    """The ledger counts in seconds."""
    time.sleep(1 - time.time() % 1)


def test_what_became_champion_after_it_was_asked_for_is_not_replaced(champions: TinyModel) -> None:
    """A retry, a slow pod or a run in the queue: the person who asked had seen another champion."""
    became = _became_at(champions)
    message = r"version 3 of tiny_\d+ became champion at .*, after this was asked for at .*: nothing was changed"
    with pytest.raises(BadConfig, match=message):
        champions.set_champion("previous", asked_at=became - timedelta(seconds=1))
    with pytest.raises(BadConfig, match=message):
        champions.set_champion("1", asked_at=became - timedelta(days=9))
    assert (champions.alias, len(champions.entries)) == (3, 3)
    assert not champions.set_champion("previous", asked_at=became).reused


def test_of_two_people_who_ask_at_once_one_is_followed_and_the_other_is_told(champions: TinyModel) -> None:
    request = _became_at(champions)
    _next_second()
    champions.set_champion("previous", by="set_champion:run-1", user="ana", asked_at=request)
    with pytest.raises(BadConfig, match=r"version 2 of tiny_\d+ became champion at"):
        champions.set_champion("previous", by="set_champion:run-2", user="ben", asked_at=request)
    assert champions.set_champion("previous", by="set_champion:run-1", user="ana", asked_at=request).reused
    assert (champions.alias, len(champions.entries)) == (2, 4)


@pytest.mark.slow
def test_a_shell_goes_further_back_for_another_reason_only(champions: TinyModel) -> None:
    shell = Cause(by="shell", kind="shell", user="ana")
    for reason, alias, again in (("too slow", 2, False), ("too slow", 2, True), ("this one too", 1, False)):
        created = set_champion(champions.context, Request("previous", reason, shell))
        assert (champions.alias, created.reused) == (alias, again), reason


@pytest.mark.slow
def test_the_champion_of_now_is_nothing_to_do(champions: TinyModel) -> None:
    with pytest.raises(NothingToDo, match=r"version 3 is champion of tiny_.* already"):
        champions.set_champion("3")
    assert len(champions.entries) == 3


def test_a_version_that_never_was_champion_needs_the_mark_unverified(champions: TinyModel) -> None:
    loser = champions.train_and_judge(FOUR, 2)
    champions.promote(FOUR)
    with pytest.raises(BadConfig, match=rf"version {loser} of tiny_\d+ never was champion: add --unverified"):
        champions.set_champion(str(loser))
    with pytest.raises(BadConfig, match=r"version 99 of model tiny_.* is not in MLflow's registry"):
        champions.set_champion("99")
    assert champions.alias == 3
    created = champions.set_champion(str(loser), unverified=True)
    assert (created.entry.unverified, created.entry.withdraws, champions.alias) == (True, None, loser)
    champions.set_champion("previous", reason="and this", by="set_champion:run-2")  # the one before is not withdrawn
    assert (champions.alias, champions.entries[-1].withdraws) == (3, loser)


def test_no_version_can_be_champion_until_one_meets_the_floor(champions: TinyModel) -> None:
    created = champions.set_champion("none")
    assert (created.entry.version, created.entry.champion, created.entry.withdraws, champions.alias) == (
        None,
        None,
        3,
        None,
    )
    with pytest.raises(NothingToDo, match="has no champion already"):
        champions.set_champion("none", by="set_champion:run-2")
    assert champions.promote(THREE).outcome == "nothing_to_do"
    champions.set_champion("previous", by="set_champion:run-3")
    assert champions.alias == 2
    champions.assert_synced()


SLOW = pytest.mark.slow


@pytest.mark.parametrize("broken", [pytest.param("changed", marks=SLOW), pytest.param("gone", marks=SLOW), "tagged"])
def test_a_version_whose_model_is_not_what_was_promoted_is_refused(champions: TinyModel, broken: str) -> None:
    version = champions.registry.load_version(champions.name, 2)
    path = f"{champions.registry.build_files_path(version)}/model.skops"
    if broken == "changed":
        champions.registry.server.put_artifact(path, b"cut sho")
    elif broken == "gone":
        champions.registry.server._send("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{path}", None, 1)
    else:  # file and tag were both replaced: the ledger knows better
        champions.registry.server.put_artifact(path, b"evil")
        champions.registry.tag_version(
            version, {"nightshift.artifact_sha256": champions.registry.compute_digest(version) or ""}
        )
    with pytest.raises(DataRejected, match=r"version 2 of tiny_.* cannot be champion: its model"):
        champions.set_champion("2")
    assert (champions.alias, len(champions.entries)) == (3, 3)


@pytest.mark.slow
def test_a_first_champion_has_nobody_before_it(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    with pytest.raises(BadConfig, match="no earlier champion is left"):
        tiny.set_champion("previous")


def test_a_deleted_champion_is_replaced_by_the_one_before(champions: TinyModel) -> None:
    champions.delete(3)
    champions.set_champion("previous")
    assert (champions.alias, champions.entries[-1].withdraws) == (2, 3)
    champions.assert_synced()


def test_without_a_name_two_people_are_not_the_same(champions: TinyModel) -> None:
    for run, alias in (("set_champion:run-1", 2), ("set_champion:run-2", 1)):
        assert not champions.set_champion("previous", by=run, user="").reused
        assert champions.alias == alias


def test_a_withdrawn_version_is_no_champion_to_beat(champions: TinyModel) -> None:
    champions.set_champion("1")
    state = champions.state
    assert state.withdrawn_versions == {3}

    def champion_on(night: date, without: int | None = None) -> int | None:
        champion = find_champion_on(champions.context, state, night, without)
        return champion.number if champion else None

    assert [champion_on(night) for night in (date(2013, 2, 15), ONE, THREE, FOUR)] == [None, 1, 1, 1]
    assert champion_on(THREE, without=1) == 2


@pytest.mark.parametrize("text", ["", "0", "-1", "1;2", "٣", "latest", "1" * 10, "Previous", "None"])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match="is no version: write its number, previous, or none"):
        parse_target(text)


def test_a_version_that_a_person_names_is_taken() -> None:
    assert [parse_target(text) for text in ("previous", "none", "12")] == ["previous", "none", "12"]
