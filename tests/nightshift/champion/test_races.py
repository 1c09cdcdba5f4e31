"""Two writers at once: another one is let in at every write of a promotion and of a rollback, and threads race."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from nightshift.adapters.ledger import Cause
from nightshift.adapters.registry_http import Server, Unanswered
from nightshift.adapters.registry_rest import MOVING, Registry
from nightshift.champion import moving
from nightshift.champion.consistency import findings
from nightshift.champion.moving import Mark
from nightshift.champion.repair import Repair
from nightshift.champion.rollback import RolledBack
from nightshift.champion.settle import settle, settled
from nightshift.errors import BadConfig
from nightshift.result import Result
from thrones import Killed, Make, Throne, Writes, dies, stalled

BASE, ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18, 19))
CAUSE = Cause(by="a test")
Act = Callable[[Throne], Any]


def _fair(throne: Throne, at: str) -> None:
    """What holds whoever came first: every promotion is about the champion that it replaced, and none is made twice."""
    throne.agrees()
    entries = throne.entries
    for before, entry in pairwise(entries):
        assert (entry.previous_version, entry.previous_night) == (before.champion_version, before.champion_night), at
        if entry.kind == "promotion":
            assert entry.verdict["champion_version"] == entry.previous_version, at
        if entry.kind != "rollback":
            assert (entry.champion_night or "") >= (before.champion_night or ""), at
    promoted = Counter(entry.version for entry in entries if entry.kind == "promotion")
    decided = Counter((entry.version, entry.verdict.get("idempotency_key")) for entry in entries if entry.verdict)
    assert (max(promoted.values()), max(decided.values())) == (1, 1), at


def _meetings(
    make: Make, world: Act, act: Act, other: Act, patch: pytest.MonkeyPatch
) -> list[tuple[Throne, Any, Any, str]]:
    """The act with the other one let in at each of its writes; what both came to."""
    calm, first = Writes(), make()
    world(first)
    with calm.watched(patch):
        act(first)
    met = []
    for number in range(1, calm.made + 1):
        for after in (False, True):
            said: list[Any] = []
            throne = make()
            world(throne)
            writes = Writes(at=number, after=after, meet=lambda throne=throne, said=said: said.append(other(throne)))  # type: ignore[misc]
            with writes.watched(patch):
                ended = act(throne)
            at = f"the other came {'after' if after else 'before'} write {number}, {calm.named[number - 1]}"
            assert len(said) == 1, at
            met.append((throne, ended, said[0], at))
    return met


def _two_challengers(throne: Throne) -> None:
    throne.crown(BASE, 2)
    throne.challenge(ONE, 4)
    throne.challenge(TWO, 5)


@pytest.mark.slow
def test_a_later_night_promoted_meanwhile_supersedes(make_throne: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    met = _meetings(make_throne, _two_challengers, lambda t: t.promote(ONE), lambda t: t.promote(TWO), monkeypatch)
    kinds = set()
    for throne, ended, other, at in met:
        _fair(throne, at)
        assert other.outcome == "done", at
        assert throne.alias == 3, at
        kinds.add(ended.detail["kind"])
        if ended.outcome == "nothing_to_do":
            assert "superseded: champion 3 was trained for the later night 2013-02-18" in ended.summary, at
    assert kinds == {"superseded", "promotion"}  # it came too late, or was first


@pytest.mark.slow
def test_an_older_night_promoted_meanwhile_is_met_first(make_throne: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    met = _meetings(make_throne, _two_challengers, lambda t: t.promote(TWO), lambda t: t.promote(ONE), monkeypatch)
    again = set()
    for throne, ended, _, at in met:
        _fair(throne, at)
        assert (ended.outcome, throne.alias) == ("done", 3), at
        again.add(ended.detail["evaluated_again"])
    assert again == {True, False}


@pytest.mark.slow
def test_another_attempt_at_the_same_night_is_the_same_promotion(
    make_throne: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt(throne: Throne) -> Result:
        return throne.promote(ONE)

    for throne, ended, other, at in _meetings(make_throne, _two_challengers, attempt, attempt, monkeypatch):
        _fair(throne, at)
        assert (ended.outcome, other.outcome, throne.alias) == ("done", "done", 2), at
        assert [entry.kind for entry in throne.entries] == ["promotion", "promotion"], at


def _two_reigns(throne: Throne) -> None:
    throne.crown(BASE, 2)
    throne.crown(ONE, 4)
    throne.challenge(TWO, 5)


@pytest.mark.slow
def test_a_rollback_during_a_promotion(make_throne: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    met = _meetings(make_throne, _two_reigns, lambda t: t.promote(TWO), lambda t: t.roll_back(None), monkeypatch)
    came: Counter[int | None] = Counter()
    for throne, ended, other, at in met:
        _fair(throne, at)
        assert isinstance(other, RolledBack), at
        came[other.entry.withdrawn] += 1
        if other.entry.withdrawn == 2:  # the rollback was first: the challenger then met the version that came back
            assert (ended.outcome, throne.alias, ended.detail["evaluated_again"]) == ("done", 3, True), at
        else:
            assert (other.entry.withdrawn, throne.alias) == (3, 2), at
    assert set(came) == {2, 3}


def _asks_for_rollback(throne: Throne) -> RolledBack | str:
    try:
        return throne.roll_back(None)
    except BadConfig as error:
        return str(error)


@pytest.mark.slow
def test_a_promotion_during_a_rollback(make_throne: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asked to withdraw the version that was promoted meanwhile: the rollback says so and changes nothing."""
    met = _meetings(make_throne, _two_reigns, _asks_for_rollback, lambda t: t.promote(TWO), monkeypatch)
    said = []
    for throne, ended, other, at in met:
        _fair(throne, at)
        assert (other.outcome, throne.alias) == ("done", 3), at
        if isinstance(ended, str):
            assert "changed from 2 to 3 while the rollback was made: nothing was rolled back" in ended, at
            assert [entry.kind for entry in throne.entries] == ["promotion"] * 3, at
        said.append(type(ended).__name__)
    assert {"str", "RolledBack"} == set(said)


def test_many_promoters_at_once_end_with_one_champion(throne: Throne) -> None:
    nights = [date(2013, 3, day) for day in range(1, 7)]
    for skill, night in enumerate(nights, start=2):
        throne.challenge(night, skill)
    together, ended = threading.Barrier(len(nights), timeout=60), {}

    def promote(night: date) -> None:
        together.wait()
        ended[night] = throne.promote(night)

    threads = [threading.Thread(target=promote, args=(night,)) for night in nights]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later = [night for night, result in ended.items() if result.outcome == "try_later"]
    for night in later:  # as Airflow would
        ended[night] = throne.promote(night)
    outcomes = {result.outcome: result.summary for result in ended.values()}
    assert set(outcomes) <= {"done", "nothing_to_do"}, outcomes
    _fair(throne, "all at once")
    assert throne.alias == 6  # the latest night has the highest skill
    assert len([entry for entry in throne.entries if entry.version == 6]) == 1


def test_a_late_write_of_one_that_then_dies_is_not_taken_for_a_hand(
    throne: Throne, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stalls before it moves the alias, another promotes the next night, its write lands, and it is killed."""
    throne.crown(BASE, 2)
    throne.challenge(ONE, 4)
    throne.challenge(TWO, 5)

    def overtaken() -> None:
        assert throne.promote(TWO).outcome == "done"
        throne.registry.set_champion(throne.name, 2)
        dies()

    with stalled(2, overtaken), pytest.raises(Killed):
        throne.promote(ONE)
    assert throne.alias == 2
    assert [one.code for one in findings(throne.store, throne.registry, throne.name)] == ["unfinished"]
    throne.challenge(THREE, 1)
    assert throne.promote(THREE).detail["kind"] == "refusal"
    assert [entry.kind for entry in throne.entries] == ["promotion"] * 3 + ["refusal"]
    throne.agrees()
    throne.registry.set_champion(throne.name, 2)
    monkeypatch.setattr(moving, "STALLS", timedelta(0))  # later: nobody of ours can still be about to write
    assert [one.code for one in findings(throne.store, throne.registry, throne.name)] == ["moved"]


def _late(throne: Throne, meanwhile: Callable[[], object]) -> None:
    """Promotes the night ONE; before its alias is moved another finishes that, and what is given happens."""

    def finished() -> None:
        settle(throne.registry, throne.ledger, throne.name)
        meanwhile()

    with stalled(2, finished):
        throne.promote(ONE)


def test_a_late_write_over_an_empty_throne_is_taken_back(throne: Throne) -> None:
    """A person takes the alias away, and that is recorded, while a writer stalls before it moves the alias."""
    throne.crown(BASE, 2)
    throne.challenge(ONE, 4)

    def removed() -> None:
        throne.registry.server.delete("registered-models/alias", {"name": throne.name, "alias": "champion"})
        settled(throne.registry, throne.ledger, throne.name, CAUSE)

    _late(throne, removed)
    assert (throne.alias, throne.entries[-1].kind, len(throne.entries)) == (None, "adoption", 3)
    throne.agrees()


def test_a_late_write_of_one_that_then_dies_crowns_nobody(throne: Throne) -> None:
    """The champion was deleted, or nobody reigns: the alias of a writer that died is taken away, and not adopted."""
    throne.crown(BASE, 2)
    throne.crown(ONE, 4)
    for ends in (2, None):
        if ends:
            throne.delete(ends)
        version = throne.registry.version(throne.name, 1)
        Mark(throne.registry).put(version)
        throne.registry.set_champion(throne.name, 1)
        (found,) = findings(throne.store, throne.registry, throne.name)
        assert found.code == "unfinished"
        assert found.sentence == "the alias champion was set by a writer that came late, and nobody reigns"
        (remedy,) = Repair(throne.store, throne.registry, throne.name, CAUSE).remedies()
        assert remedy.sentence == "take the alias away: a writer that came late set it, and nobody reigns"
        seen = settled(throne.registry, throne.ledger, throne.name, CAUSE)
        assert (seen.champion, throne.alias, len(throne.entries)) == (None, None, 3)
        assert throne.entries[-1].champion_version is None
        throne.agrees()


def _aged(throne: Throne, number: int, age: timedelta) -> None:
    """The version's marks, as they are when that much time has passed."""
    version = throne.registry.version(throne.name, number)
    began = (datetime.now(UTC) - age).isoformat(timespec="seconds")
    throne.registry.tag(version, {tag: began for tag in version.tags if tag.startswith(MOVING)})


def _marks(throne: Throne, number: int) -> list[str]:
    return [tag for tag in throne.registry.version(throne.name, number).tags if tag.startswith(MOVING)]


def test_a_withdrawn_version_is_not_adopted_however_old_the_mark(throne: Throne) -> None:
    """The writer stalls, its version is promoted by another and rolled back, its write lands, and it is killed."""
    throne.crown(BASE, 2)
    throne.challenge(ONE, 4)

    def rolled_back() -> None:
        throne.roll_back(None)
        throne.registry.set_champion(throne.name, 2)
        dies()

    with pytest.raises(Killed):
        _late(throne, rolled_back)
    _aged(throne, 2, timedelta(days=99))
    assert (throne.alias, throne.entries[-1].barred) == (2, (2,))
    settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert (throne.alias, len(throne.entries), _marks(throne, 2)) == (1, 3, [])
    throne.registry.set_champion(throne.name, 2)  # without a mark it is a person
    settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert (throne.alias, throne.entries[-1].kind, throne.entries[-1].barred) == (2, "adoption", ())


def test_a_mark_counts_until_the_next_week_and_is_taken_away_by_whoever_settles(throne: Throne) -> None:
    throne.crown(BASE, 2)
    throne.crown(ONE, 4)
    for age, code in ((timedelta(days=7), "unfinished"), (timedelta(days=9), "moved"), (-timedelta(days=1), "moved")):
        Mark(throne.registry).put(throne.registry.version(throne.name, 1))
        throne.registry.set_champion(throne.name, 1)
        _aged(throne, 1, age)
        assert [one.code for one in findings(throne.store, throne.registry, throne.name)] == [code]
        settle(throne.registry, throne.ledger, throne.name)
        assert (throne.alias, _marks(throne, 1)) == (2, [])


def test_the_mark_of_a_writer_at_work_is_not_taken_away(throne: Throne) -> None:
    throne.crown(BASE, 2)
    throne.crown(ONE, 4)
    for number in (1, 2):
        Mark(throne.registry).put(throne.registry.version(throne.name, number))
    throne.registry.set_champion(throne.name, 1)
    settle(throne.registry, throne.ledger, throne.name)
    assert [len(_marks(throne, number)) for number in (1, 2)] == [1, 1]


def test_a_write_without_an_answer_that_is_carried_out_later_is_not_a_hand(
    throne: Throne, monkeypatch: pytest.MonkeyPatch
) -> None:
    throne.crown(BASE, 2)
    throne.challenge(ONE, 4)
    honest, lost = Server._once, list[str]()

    def once(server: Server, method: str, path: str, body: bytes | None) -> bytes:
        if (method, path) == ("POST", "/api/2.0/mlflow/registered-models/alias") and not lost:
            lost.append(path)
            raise Unanswered("timed out")
        return honest(server, method, path, body)

    with monkeypatch.context() as inner:
        inner.setattr(Server, "_once", once)
        assert throne.promote(ONE).outcome == "done"
    assert (throne.alias, len(_marks(throne, 2))) == (2, 1)
    throne.agrees()
    throne.roll_back(None)
    throne.registry.set_champion(throne.name, 2)  # the first attempt, late
    settled(throne.registry, throne.ledger, throne.name, CAUSE)
    assert (throne.alias, [entry.kind for entry in throne.entries][2:]) == (1, ["rollback"])


@pytest.mark.slow
def test_two_who_roll_back_to_the_same_version_edit_nothing(make_throne: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(by: str) -> Act:
        def ask(throne: Throne) -> RolledBack | str:
            try:
                return throne.roll_back(None, reason=f"{by} says so", by=by)
            except BadConfig as error:
                return str(error)

        return ask

    for throne, _, _, at in _meetings(make_throne, _two_reigns, asks("run-1"), asks("run-2"), monkeypatch):
        found = findings(throne.store, throne.registry, throne.name)
        assert found == [], (at, found)


def test_an_announcement_over_that_of_the_winner_is_no_edit(throne: Throne, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt appends first, and the one that announced itself over it is killed."""
    throne.challenge(ONE, 4)
    honest = Registry.tag
    met: list[Any] = []

    def late(registry: Registry, version: Any, tags: dict[str, str]) -> None:
        if "nightshift.deciding" in tags and not met:
            met.append(version)
            assert throne.promote(ONE, by="another attempt").outcome == "done"
            honest(registry, version, tags)
            dies()
        honest(registry, version, tags)

    monkeypatch.setattr(Registry, "tag", late)
    with pytest.raises(Killed):
        throne.promote(ONE)
    assert findings(throne.store, throne.registry, throne.name) == []
