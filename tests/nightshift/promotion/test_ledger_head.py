"""The loss of entries is noticed by the head in MLflow, whose tag is a blind upsert; a restored bucket goes on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from nightshift.adapters.mlflow.registry import LEDGER_HEAD, Registry
from nightshift.adapters.s3.alias_reports import load_last_move
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.errors import BadConfig, NothingToDo
from nightshift.promotion.ledger_head import Head, accept_end, read_head
from support.champion_fixtures import Killed, TinyModel, Writes, end_process

ONE, TWO, THREE, FOUR = (date(2013, 2, day) for day in (16, 17, 18, 19))
CAUSE = Cause(by="a test", user="ana")
Stored = dict[str, bytes]


@pytest.fixture
def champions(tiny: TinyModel) -> TinyModel:
    """Versions 1 and 2, each champion after the other."""
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 4)
    return tiny


def _head(tiny: TinyModel) -> Head:
    return read_head(tiny.registry.find_model(tiny.name))


def _ledger_head(tiny: TinyModel) -> Head:
    number = tiny.ledger.find_last_number()
    return Head(number, tiny.ledger.find_digest(number) or "")


def _back_up(tiny: TinyModel) -> Stored:
    prefixes = (f"ledger/{tiny.name}/", f"ledger_index/{tiny.name}/")
    uris = [stored.uri for prefix in prefixes for stored in tiny.store.list_objects(tiny.store.build_uri(prefix))]
    return {uri: tiny.store.get(uri) or b"" for uri in uris}


def _restore(tiny: TinyModel, stored: Stored) -> None:
    tiny.store.delete(uri for uri in _back_up(tiny) if uri not in stored)
    for uri, data in stored.items():
        tiny.store.put(uri, data)


def test_the_head_follows_every_decision(champions: TinyModel) -> None:
    assert _head(champions) == _ledger_head(champions)
    champions.train_and_judge(THREE, 1)
    champions.promote(THREE)
    assert _head(champions) == _ledger_head(champions)
    assert _head(champions).number == 3


def test_a_head_that_says_nothing_is_replaced(champions: TinyModel) -> None:
    for text in ("", "000009", "9" * 5000, "000009 " + "x" * 64, "-00001 " + "0" * 64):
        champions.registry.tag_model(champions.name, LEDGER_HEAD, text)
        champions.sync()
        assert _head(champions) == _ledger_head(champions)


def test_many_writers_of_one_new_head_all_succeed(tiny: TinyModel) -> None:
    """MLflow answers 400 when two writers set a new tag at once: the second finds a row."""
    tiny.train(ONE, 3)
    with ThreadPoolExecutor(8) as pool:
        for number in range(8):
            tag = f"nightshift.t{number}"
            list(pool.map(lambda _, tag=tag: tiny.registry.tag_model(tiny.name, tag, "1"), range(8)))
    actual = tiny.registry.find_model(tiny.name)
    assert actual is not None
    assert len([tag for tag in actual.tags if tag.startswith("nightshift.t")]) == 8


@contextmanager
def _meet_before_tag(meanwhile: Callable[[], object]) -> Iterator[None]:
    """Within a `with` block the first writer about to set the head stalls, and this happens before."""
    honest, met = Registry.tag_model, list[str]()

    def slow(registry: Registry, model: str, tag: str, value: str) -> None:
        if tag == LEDGER_HEAD and not met:
            met.append(value)
            meanwhile()
        honest(registry, model, tag, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "tag_model", slow)
        yield
    assert met


def test_a_head_that_a_stalled_writer_lowers_is_raised_again_by_itself(champions: TinyModel) -> None:
    champions.train_and_judge(THREE, 5)
    champions.train_and_judge(FOUR, 6)
    with _meet_before_tag(lambda: champions.promote(FOUR)):
        champions.promote(THREE)
    assert _head(champions) == _ledger_head(champions)
    assert _head(champions).number == 4


def test_a_head_that_a_dying_writer_lowers_is_no_loss_and_raised_by_the_next_sync(champions: TinyModel) -> None:
    """The gap that remains: until then, the loss of the newest entry would not be noticed."""
    before = _head(champions)
    champions.train_and_judge(THREE, 5)
    champions.promote(THREE)
    champions.registry.tag_model(champions.name, LEDGER_HEAD, str(before))
    champions.sync()
    assert (_head(champions), champions.alias) == (_ledger_head(champions), 3)


def test_an_entry_appended_between_the_two_reads_is_no_loss(
    champions: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag is read before the ledger is listed: what is appended and synced in between is only a larger end."""
    champions.train_and_judge(THREE, 5)
    honest: Callable[..., Any] = Registry.find_model

    def model(registry: Registry, name: str) -> Any:
        actual = honest(registry, name)
        monkeypatch.setattr(Registry, "find_model", honest)
        champions.promote(THREE)
        return actual

    monkeypatch.setattr(Registry, "find_model", model)
    state = champions.sync()
    assert (state.end, champions.alias, _head(champions).number) == (3, 3, 3)


LOSSES: dict[str, tuple[Callable[[TinyModel], None], str]] = {
    "cut": (
        lambda t: t.store.delete([t.ledger.build_uri(2)]),
        "ends at entry 1, and MLflow knows of entry 2: nothing is de",
    ),
    "wiped": (
        lambda t: t.store.delete([t.ledger.build_uri(n) for n in (1, 2)]),
        "ends at entry 0, and MLflow knows of",
    ),
    "replaced": (
        lambda t: t.store.put(
            t.ledger.build_uri(2), (t.store.get(t.ledger.build_uri(2)) or b"").replace(b"wins", b"lost")
        ),
        "entry 2 of the ledger of tiny_.* is not the one that was appended: it was replaced",
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_over_a_ledger_that_lost_entries_nothing_is_decided_and_the_alias_stays(
    champions: TinyModel, loss: str
) -> None:
    harm, sentence = LOSSES[loss]
    champions.train_and_judge(THREE, 9)
    harm(champions)
    end = champions.ledger.find_last_number()
    command = f"nightshift repair {champions.name} --accept-end {end} --reason …"
    for act in (champions.sync, lambda: champions.set_champion("previous")):
        with pytest.raises(BadConfig, match=sentence) as refused:
            act()
        assert command in str(refused.value)
    assert champions.promote(THREE).outcome == "bad_config"
    assert (champions.ledger.find_last_number(), champions.alias, _head(champions).number) == (end, 2, 2)


def test_an_end_is_accepted_by_an_entry_and_only_where_something_is_lost(champions: TinyModel) -> None:
    with pytest.raises(NothingToDo, match="has all entries that MLflow knows of"):
        accept_end(champions.context, 2, "restored", CAUSE)
    lost = _head(champions)
    champions.store.delete([champions.ledger.build_uri(2)])
    with pytest.raises(BadConfig, match="ends at entry 1, not at 2"):
        accept_end(champions.context, 2, "restored", CAUSE)
    entry = accept_end(champions.context, 1, "restored", CAUSE)
    assert (entry.kind, entry.number, entry.champion_version, entry.lost_head) == ("accept_end", 2, 1, str(lost))
    assert (entry.reason, entry.cause.user) == ("restored", "ana")
    champions.sync()
    assert (champions.alias, len(champions.entries)) == (1, 2)
    champions.assert_synced()


def test_an_acceptance_that_was_killed_is_finished_by_its_rerun(
    champions: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    champions.store.delete([champions.ledger.build_uri(2)])
    with monkeypatch.context() as inner:
        inner.setattr(Registry, "tag_model", lambda *_: end_process())
        with pytest.raises(Killed):
            accept_end(champions.context, 1, "restored", CAUSE)
    with pytest.raises(BadConfig, match="is not the one that was appended"):
        champions.sync()
    assert accept_end(champions.context, 1, "restored", CAUSE).number == 2
    champions.sync()
    assert [entry.kind for entry in champions.entries] == ["promotion", "accept_end"]
    champions.assert_synced()


def test_drill_the_bucket_is_restored_to_an_earlier_day_than_mlflow(champions: TinyModel) -> None:
    backup = _back_up(champions)
    champions.make_champion(THREE, 5)
    _restore(champions, backup)
    champions.train_and_judge(FOUR, 9)
    result = champions.promote(FOUR)
    assert (result.outcome, champions.alias) == ("bad_config", 3)  # nobody changed the champion unsaid
    assert "ends at entry 2, and MLflow knows of entry 3" in result.summary
    accept_end(champions.context, 2, "the bucket was restored to Monday", CAUSE)
    champions.sync()
    move = load_last_move(champions.store, champions.name)
    assert move is not None
    assert move.sentence == "the alias stood on version 3, the ledger says 2: moved back"
    assert champions.alias == 2
    champions.set_champion("3", unverified=True)  # who wants what was lost
    assert champions.alias == 3
    assert champions.promote(FOUR).detail.promoted
    assert [entry.kind for entry in champions.entries][2:] == ["accept_end", "set_champion", "promotion"]
    champions.assert_synced()


def test_drill_mlflow_is_restored_to_an_earlier_day_than_the_bucket(champions: TinyModel) -> None:
    """The later version is gone, the alias names the earlier one, and the head is the earlier one, too."""
    before = _head(champions)
    champions.make_champion(THREE, 5)
    champions.delete(3)
    champions.registry.tag_model(champions.name, LEDGER_HEAD, str(before))
    champions.move_by_hand(2)
    champions.train_and_judge(FOUR, 9)
    result = champions.promote(FOUR)
    assert (result.outcome, len(champions.entries), champions.alias) == ("bad_config", 3, 2)
    assert "version 3 of tiny_" in result.summary
    assert "champion by entry 3 of the ledger, is not in MLflow: was it deleted?" in result.summary
    champions.set_champion("previous")
    assert champions.alias == 2
    assert champions.promote(FOUR).detail.promoted
    champions.assert_synced()


def test_drill_mlflow_is_restored_and_still_has_the_champion(champions: TinyModel) -> None:
    """Only alias and tags are old: the next sync brings them to the ledger's end."""
    before = _head(champions)
    champions.make_champion(THREE, 5)
    champions.registry.tag_model(champions.name, LEDGER_HEAD, str(before))
    champions.move_by_hand(2)
    champions.sync()
    assert champions.alias == 3
    champions.assert_synced()


@pytest.mark.slow
def test_a_ledger_that_was_wiped_is_begun_again_by_a_person(champions: TinyModel) -> None:
    champions.store.delete([champions.ledger.build_uri(number) for number in (1, 2)])
    entry = accept_end(champions.context, 0, "the bucket was lost", CAUSE)
    champions.sync()
    assert (entry.number, entry.champion, entry.version, champions.alias) == (1, None, None, None)
    champions.set_champion("2", unverified=True)
    assert champions.alias == 2
    champions.assert_synced()


@pytest.mark.slow
def test_a_loss_while_a_promotion_is_decided_is_noticed_by_the_next(
    champions: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the newest entry disappears, a later step ends with a sentence or never saw it."""
    champions.train_and_judge(THREE, 5)
    undisturbed = Writes()
    with undisturbed.watch(monkeypatch):
        champions.promote(THREE)
    assert any(LEDGER_HEAD in name or "set-tag" in name for name in undisturbed.named)
    Ledger(champions.store, champions.name).store.delete([champions.ledger.build_uri(3)])
    with pytest.raises(BadConfig, match="MLflow knows of entry 3"):
        champions.sync()
