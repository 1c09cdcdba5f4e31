"""The alias is brought to where the ledger ends, whoever moved it, and the ledger stays as it is."""

import logging
from collections.abc import Callable
from datetime import date

import pytest

from nightshift.adapters.mlflow.registry import NIGHT, Registry
from nightshift.adapters.s3.alias_reports import load_last_move
from nightshift.adapters.s3.ledger import Ledger
from nightshift.errors import BadConfig, TryLater
from support.champion_fixtures import Killed, TinyModel, end_process, stall_first_writer

ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18))


@pytest.fixture
def champions(tiny: TinyModel) -> TinyModel:
    """Versions 1 and 2, each champion after the other."""
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 4)
    return tiny


def test_a_sync_that_finds_all_in_place_writes_nothing(champions: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    for name in ("tag_version", "tag_model", "set_champion", "remove_champion"):
        monkeypatch.setattr(Registry, name, lambda *_, name=name: written.append(name))
    monkeypatch.setattr("nightshift.promotion.sync_alias.publish_cards", lambda *_: written.append("cards"))
    assert champions.sync().champion is not None
    assert written == []


@pytest.mark.parametrize(("previous", "says"), [(1, "version 1"), (None, "no version")])
def test_an_alias_that_was_moved_by_hand_is_moved_back_and_that_is_said_once(
    champions: TinyModel, caplog: pytest.LogCaptureFixture, previous: int | None, says: str
) -> None:
    champions.move_by_hand(previous)
    caplog.set_level(logging.INFO)
    champions.sync()
    assert (champions.alias, len(champions.entries)) == (2, 2)
    expected = previous or "none"
    command = f"to make {expected} champion: `nightshift set-champion {champions.name} {expected} --reason …`"
    sentence = f"the alias stood on {says}, the ledger says 2: moved back"
    assert [record.message for record in caplog.records if record.name == "nightshift.promotion"] == [
        f"{sentence}; {command}"
    ]
    move = load_last_move(champions.store, champions.name)
    assert move is not None
    assert (move.sentence, move.previous, move.champion, move.entry) == (sentence, previous, 2, 2)
    champions.assert_synced()


def test_an_alias_is_taken_away_where_the_ledger_has_no_champion(champions: TinyModel) -> None:
    champions.set_champion("none")
    champions.move_by_hand(1)
    champions.sync()
    assert champions.alias is None
    champions.assert_synced()


def test_an_ordinary_promotion_and_one_that_was_cut_short_are_no_move_by_hand(
    champions: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    champions.train_and_judge(THREE, 5)
    with monkeypatch.context() as inner:
        inner.setattr(Registry, "set_champion", lambda *_: end_process())
        with pytest.raises(Killed):
            champions.promote(THREE)
    assert champions.alias == 2
    champions.sync()
    assert (champions.alias, load_last_move(champions.store, champions.name)) == (3, None)


def test_a_late_write_of_one_that_then_dies_is_corrected_by_the_next_sync(champions: TinyModel) -> None:
    """It stalls before it moves the alias, another promotes the next night, its write lands, and it is killed."""
    champions.train_and_judge(THREE, 5)
    last = date(2013, 2, 19)
    champions.train_and_judge(last, 6)

    def overtaken() -> None:
        assert champions.promote(last).outcome == "done"
        champions.move_by_hand(3)
        end_process()

    with stall_first_writer(3, overtaken), pytest.raises(Killed):
        champions.promote(THREE)
    assert champions.alias == 3
    champions.sync()
    assert (champions.alias, [entry.kind for entry in champions.entries]) == (4, ["promotion"] * 4)
    champions.assert_synced()


def test_whoever_syncs_late_leaves_the_alias_where_the_ledger_ends(champions: TinyModel) -> None:
    """The first writer stalls before it moves the alias, and the second one is done before it goes on."""
    champions.train_and_judge(THREE, 5)
    last = date(2013, 2, 19)
    champions.train_and_judge(last, 6)
    with stall_first_writer(3, lambda: champions.promote(last)):
        champions.promote(THREE)
    assert champions.alias == 4
    champions.assert_synced()


def test_a_late_write_of_a_withdrawn_version_does_not_bring_it_back(champions: TinyModel) -> None:
    champions.train_and_judge(THREE, 5)

    def withdrawn() -> None:
        champions.sync()
        champions.set_champion("previous")

    with stall_first_writer(3, withdrawn):
        champions.promote(THREE)
    assert (champions.alias, champions.state.withdrawn_versions) == (2, frozenset({3}))
    champions.assert_synced()


def test_an_alias_that_others_keep_moving_ends_the_step(champions: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Registry.set_champion
    monkeypatch.setattr(Registry, "set_champion", lambda registry, model, _: honest(registry, model, 1))
    champions.move_by_hand(1)
    with pytest.raises(TryLater, match="does not stay where the ledger ends: others move it"):
        champions.sync()


def _train_elsewhere(tiny: TinyModel) -> int:
    """A version that Nightshift did not train, with the alias: a team that moves in."""
    number = tiny.train(ONE, 4)
    body = {"name": tiny.name, "version": str(number), "key": NIGHT}
    tiny.registry.server.delete("model-versions/delete-tag", body)
    tiny.registry.server.delete("model-versions/delete-tag", {**body, "key": "nightshift.artifact_sha256"})
    tiny.move_by_hand(number)
    return number


def test_a_champion_without_a_ledger_is_taken_over_by_a_person_only(tiny: TinyModel) -> None:
    number = _train_elsewhere(tiny)
    tiny.train_and_judge(TWO, 9)
    result = tiny.promote(TWO)
    assert (result.outcome, tiny.entries, tiny.alias) == ("bad_config", [], number)
    command = f"nightshift set-champion {tiny.name} {number} --unverified --reason …"
    assert f"version 1 of {tiny.name} has the alias champion, and {tiny.name} has no ledger" in result.summary
    assert command in result.summary
    with pytest.raises(BadConfig, match=r"version 1 of tiny_\d+ never was champion: add --unverified"):
        tiny.set_champion("1")
    tiny.set_champion("1", unverified=True)
    (entry,) = tiny.entries
    assert (entry.unverified, entry.night, entry.previous) == (True, "0001-01-01", None)
    tiny.assert_synced()
    assert tiny.promote(TWO).detail.promoted


def test_a_team_may_begin_without_the_champion_that_it_had(tiny: TinyModel) -> None:
    _train_elsewhere(tiny)
    tiny.set_champion("none")
    assert tiny.alias is None
    tiny.train_and_judge(TWO, 9)
    assert tiny.promote(TWO).detail.promoted


def test_the_model_cards_follow_what_was_decided_since_the_last_sync(
    champions: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int | None, ...]] = []
    monkeypatch.setattr("nightshift.promotion.sync_alias.publish_cards", lambda _, *versions: written.append(versions))
    champions.train_and_judge(THREE, 5)
    champions.promote(THREE)
    assert written == [(3, 2)]


def test_a_writer_that_appends_while_another_syncs_is_synced_by_it(
    champions: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second writer is killed right after its entry: the first one reads the ledger's end once more and goes on."""
    champions.train_and_judge(THREE, 5)
    last = date(2013, 2, 19)
    champions.train_and_judge(last, 6)
    honest: Callable[..., bool] = Ledger.append

    def append_and_die(ledger: Ledger, entry: object) -> bool:
        assert honest(ledger, entry)
        raise Killed

    def appended() -> None:
        with monkeypatch.context() as inner:
            inner.setattr(Ledger, "append", append_and_die)
            with pytest.raises(Killed):
                champions.promote(last)

    with stall_first_writer(3, appended):
        champions.promote(THREE)
    assert champions.alias == 4
    champions.assert_synced()
