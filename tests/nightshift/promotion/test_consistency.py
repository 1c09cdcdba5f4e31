"""What does not agree is found and named; what can be repaired from here is, after it was said."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from nightshift.adapters.ledger_entries import Cause
from nightshift.adapters.registry_rest import DECIDING, LEDGER_ENTRY, WITHDRAWN, Registry
from nightshift.promotion import consistency
from nightshift.promotion.consistency import find_disagreements
from nightshift.promotion.court import court
from nightshift.promotion.repair import Repair
from nightshift.promotion.settle import adopt
from nightshift.errors import BadConfig, TryLater
from support.champion_fixtures import Killed, TinyModel, dies

ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18))
Harm = Callable[[TinyModel, pytest.MonkeyPatch], object]


@pytest.fixture
def reigns(tiny: TinyModel) -> TinyModel:
    """A promotion, another one, a rollback to the first, and a refusal."""
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 5)
    tiny.set_champion("previous")
    tiny.challenge(THREE, 2)
    tiny.promote(THREE)
    return tiny


def _found(tiny: TinyModel) -> list[tuple[str, str]]:
    return [(one.code, one.sentence) for one in find_disagreements(tiny.store, tiny.registry, tiny.name)]


def _edited(tiny: TinyModel, number: int, **changed: Any) -> None:
    tiny.store.put_json(tiny.ledger.uri(number), _document(tiny, number) | changed)


def _document(tiny: TinyModel, number: int) -> dict[str, Any]:
    found: dict[str, Any] | None = tiny.store.get_json(tiny.ledger.uri(number))
    assert found is not None
    return found


def _unfinished(tiny: TinyModel, patch: pytest.MonkeyPatch) -> None:
    tiny.challenge(date(2013, 2, 19), 9)
    with patch.context() as inner:
        inner.setattr(Registry, "set_champion", lambda *_: dies())
        with pytest.raises(Killed):
            tiny.promote(date(2013, 2, 19))


def _wiped(tiny: TinyModel) -> None:
    tiny.store.delete([tiny.ledger.uri(entry.number) for entry in tiny.entries])


def _removed(tiny: TinyModel, _: pytest.MonkeyPatch) -> None:
    tiny.registry.server.delete("registered-models/alias", {"name": tiny.name, "alias": "champion"})


def _model_file(tiny: TinyModel, data: bytes) -> None:
    path = f"{tiny.registry.files(tiny.registry.version(tiny.name, 1))}/model.skops"
    tiny.registry.server.put_artifact(path, data)


def _tag(tiny: TinyModel, number: int, tag: str, value: str) -> None:
    tiny.registry.tag(tiny.registry.version(tiny.name, number), {tag: value})


HARMS: dict[str, tuple[Harm, str, str]] = {
    "edited": (lambda t, _: _edited(t, 2, reason="it lost"), "chain", "entry 2 is not the one that entry 3 was"),
    "edited at the end": (lambda t, _: _edited(t, 4, reason="it won"), "chain", "entry 4 is not the one that was"),
    "given to another": (lambda t, _: _edited(t, 4, version=1), "chain", "entry 4 is not the one that was"),
    "missing": (lambda t, _: t.store.delete([t.ledger.uri(2)]), "chain", "entry 2 is missing"),
    "unreadable": (lambda t, _: t.store.put(t.ledger.uri(4), b"{"), "chain", "entry 4 cannot be read"),
    "refusal cut off": (
        lambda t, _: t.store.delete([t.ledger.uri(4)]),
        "cut",
        "names entry 4, and the ledger ends at 3",
    ),
    "wiped": (lambda t, _: _wiped(t), "cut", "names entry 3, and the ledger ends at 0"),
    "cut": (lambda t, _: t.store.delete([t.ledger.uri(n) for n in (3, 4)]), "cut", "names entry 3, and the ledger e"),
    "unfinished": (_unfinished, "unfinished", "entry 5 made version 4 champion, and alias and tags are not there yet"),
    "moved": (lambda t, _: t.registry.set_champion(t.name, 3), "moved", "names version 3, and the ledger ve"),
    "removed": (_removed, "removed", "the ledger names version 1 champion, and nothing has the alias"),
    "deleted": (lambda t, _: t.delete(1), "deleted", "the ledger names version 1 champion, and it is not in MLflow"),
    "another model": (lambda t, _: _model_file(t, b"evil"), "artifact", "champion 1 has not the digest that its tag"),
    "not tagged": (
        lambda t, _: t.registry.untag(t.registry.version(t.name, 2), WITHDRAWN),
        "tags",
        "version 2 is withdrawn by the ledger, and not tagged so",
    ),
    "tagged": (lambda t, _: _tag(t, 3, WITHDRAWN, "000003"), "tags", "version 3 is tagged as withdrawn, and by the"),
}
FAST = ("given to another", "missing", "unfinished", "moved")
REPAIRED = ("unfinished", "moved", "removed", "deleted", "not tagged", "tagged")


def test_what_agrees_has_no_findings(reigns: TinyModel) -> None:
    assert _found(reigns) == []


def test_a_champion_is_not_held_to_the_file_of_one_that_had_its_number(tiny: TinyModel) -> None:
    tiny.make_champion(ONE, 3)
    tiny.forget()
    for remedy in Repair(tiny.store, tiny.registry, tiny.name, Cause(by="shell")).remedies():
        assert remedy.do is not None
        remedy.do()
    assert tiny.make_champion(TWO, 5) == 1
    assert tiny.entries[0].artifact_sha256 != tiny.entries[-1].artifact_sha256
    assert _found(tiny) == []


def test_a_model_of_which_nothing_was_decided_has_none(tiny: TinyModel) -> None:
    assert _found(tiny) == []
    tiny.train(ONE, 3)
    tiny.registry.set_champion(tiny.name, 1)
    assert _found(tiny) == [("moved", "the alias champion names version 1, and the ledger no champion")]


@pytest.mark.parametrize(
    "harm", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in HARMS if name not in FAST)]
)
def test_what_does_not_agree_is_found_said_and_repaired(
    reigns: TinyModel, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmed, code, sentence = HARMS[harm]
    harmed(reigns, monkeypatch)
    found = _found(reigns)
    follow = {"moved", "tags"} if harm in ("cut", "wiped") else set()
    assert {one for one, _ in found} == {code, *follow}, found
    assert any(sentence in said for _, said in found), found
    repair = Repair(reigns.store, reigns.registry, reigns.name, Cause(by="shell"))
    remedies = repair.remedies()
    assert _found(reigns) == found  # saying changes nothing
    assert all((remedy.do is not None) == (harm in REPAIRED) for remedy in remedies), remedies
    for remedy in remedies:
        if remedy.do is not None:
            remedy.do()
    assert _found(reigns) == ([] if harm in REPAIRED else found)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["moved", "removed"])
def test_the_alias_goes_back_where_that_is_wanted(reigns: TinyModel, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    HARMS[harm][0](reigns, monkeypatch)
    remedies = Repair(reigns.store, reigns.registry, reigns.name, Cause(by="shell"), to_ledger=True).remedies()
    assert [remedy.sentence for remedy in remedies] == ["move the alias back to version 1, as the ledger has it"]
    assert remedies[0].do is not None
    remedies[0].do()
    assert (_found(reigns), reigns.alias, len(reigns.entries)) == ([], 1, 4)


@pytest.mark.slow
def test_with_a_broken_ledger_nothing_else_is_repaired(reigns: TinyModel) -> None:
    reigns.registry.set_champion(reigns.name, 3)
    _edited(reigns, 2, reason="it lost")
    remedies = Repair(reigns.store, reigns.registry, reigns.name, Cause(by="shell")).remedies()
    said = {remedy.finding.code: (remedy.sentence, remedy.do) for remedy in remedies}
    assert set(said) == {"chain", "moved"}
    assert said["moved"] == ("waits until the ledger is whole", None)
    assert "put the object back as it was from an earlier version of it" in said["chain"][0]


@pytest.mark.slow
def test_entries_that_do_not_fit_each_other_are_found_even_when_the_chain_was_made_anew(reigns: TinyModel) -> None:
    """Whoever can write to the bucket can make the digests fit again: the sequence of champions tells, and the tags."""
    reigns.store.delete([reigns.ledger.uri(4)])
    _edited(reigns, 2, previous_version=7)
    reigns.store.delete([reigns.ledger.uri(3)])
    found = _found(reigns)
    assert ("succession", "entry 2 says that version 7 reigned before it, entry 1: 1") in found
    assert [code for code, _ in found].count("cut") == 3


@pytest.mark.slow
def test_an_announcement_of_an_entry_that_was_lost_to_another_is_no_finding(reigns: TinyModel) -> None:
    _tag(reigns, 3, DECIDING, f"000009 {'0' * 64}")
    assert _found(reigns) == []
    _tag(reigns, 3, LEDGER_ENTRY, "000009")
    assert [code for code, _ in _found(reigns)] == ["cut"]


def test_over_a_ledger_that_lost_its_end_nothing_is_decided(reigns: TinyModel) -> None:
    reigns.store.delete([reigns.ledger.uri(number) for number in (3, 4)])
    reigns.challenge(date(2013, 2, 19), 9)
    result = reigns.promote(date(2013, 2, 19))
    assert result.outcome == "bad_config"
    assert "was decided upon by entry 3 of its ledger, which ends at 2" in result.summary
    assert (len(reigns.entries), reigns.alias) == (2, 1)


def test_over_a_wiped_ledger_nobody_is_crowned_and_nothing_adopted(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.make_champion(ONE, 3)
    _wiped(tiny)
    tiny.challenge(TWO, 9)
    for harm in (lambda *_: None, _removed):  # with the alias, and without
        harm(tiny, monkeypatch)
        assert "cut" in [code for code, _ in _found(tiny)]
        result = tiny.promote(TWO)
        assert (result.outcome, tiny.entries) == ("bad_config", [])
        assert "was decided upon by entry 1 of its ledger, which ends at 0" in result.summary
        with pytest.raises(BadConfig, match="is this its bucket"):
            adopt(court(tiny.registry, tiny.ledger, tiny.name), Cause(by="shell"))


@pytest.mark.slow
def test_an_adoption_at_the_end_that_was_edited_shows(reigns: TinyModel) -> None:
    reigns.registry.set_champion(reigns.name, 3)
    for remedy in Repair(reigns.store, reigns.registry, reigns.name, Cause(by="shell")).remedies():
        assert remedy.do is not None
        remedy.do()
    assert (_found(reigns), reigns.entries[-1].kind) == ([], "adoption")
    _edited(reigns, 5, reason="nothing happened")
    assert ("chain", "entry 5 is not the one that was appended about version 3: it was edited") in _found(reigns)


def test_what_grows_while_it_is_checked_is_looked_at_again(tiny: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_champion(ONE, 3)
    _model_file(tiny, b"evil")
    listed = iter([1, 2, 1, 1])
    monkeypatch.setattr(consistency, "last_number", lambda *_: next(listed))
    assert [code for code, _ in _found(tiny)] == ["artifact"]
    listed = iter(range(1, 99))
    with pytest.raises(TryLater, match="grew 5 times while it was checked"):
        _found(tiny)
