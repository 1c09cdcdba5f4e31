"""What does not agree is found and named; what can be repaired from here is, after it was said."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from nightshift.adapters.mlflow.registry import Registry
from nightshift.errors import TryLater
from nightshift.promotion import consistency
from nightshift.promotion.consistency import find_disagreements
from nightshift.promotion.repair import list_remedies
from support.champion_fixtures import Killed, TinyModel, end_process

ONE, TWO, THREE, FOUR = (date(2013, 2, day) for day in (16, 17, 18, 19))
Harm = Callable[[TinyModel, pytest.MonkeyPatch], object]


@pytest.fixture
def decided(tiny: TinyModel) -> TinyModel:
    """A promotion, another one, the first again, and a refusal."""
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 5)
    tiny.set_champion("previous")
    tiny.train_and_judge(THREE, 2)
    tiny.promote(THREE)
    return tiny


def _found(tiny: TinyModel) -> list[tuple[str, str]]:
    return [(f.code, f.sentence) for f in find_disagreements(tiny.context)]


def _edit(tiny: TinyModel, number: int, **changed: Any) -> None:
    document: dict[str, Any] | None = tiny.store.get_json(tiny.ledger.build_uri(number))
    assert document is not None
    tiny.store.put_json(tiny.ledger.build_uri(number), document | changed)


def _cut_short(tiny: TinyModel, patch: pytest.MonkeyPatch) -> None:
    tiny.train_and_judge(FOUR, 9)
    with patch.context() as inner:
        inner.setattr(Registry, "set_champion", lambda *_: end_process())
        with pytest.raises(Killed):
            tiny.promote(FOUR)


def _remove(tiny: TinyModel, *numbers: int) -> None:
    tiny.store.delete([tiny.ledger.build_uri(number) for number in numbers])


def _replace_file(tiny: TinyModel, data: bytes) -> None:
    path = f"{tiny.registry.build_files_path(tiny.registry.load_version(tiny.name, 1))}/model.skops"
    tiny.registry.server.put_artifact(path, data)


HARMS: dict[str, tuple[Harm, tuple[str, ...], str]] = {
    "edited": (lambda t, _: _edit(t, 2, reason="it lost"), ("chain",), "entry 2 is not the one that entry 3 was"),
    "edited at the end": (lambda t, _: _edit(t, 4, reason="it won"), ("cut",), "entry 4 of the ledger of tiny_"),
    "missing": (lambda t, _: _remove(t, 2), ("chain",), "entry 2 is missing"),
    "unreadable": (lambda t, _: t.store.put(t.ledger.build_uri(4), b"{"), ("chain",), "entry 4 cannot be read"),
    "refusal cut off": (lambda t, _: _remove(t, 4), ("cut",), "ends at entry 3, and MLflow knows of entry 4"),
    "wiped": (lambda t, _: _remove(t, 1, 2, 3, 4), ("cut", "no ledger"), "ends at entry 0, and MLflow knows of entry"),
    "cut": (lambda t, _: _remove(t, 3, 4), ("cut", "alias"), "ends at entry 2, and MLflow knows of entry 4"),
    "cut short": (_cut_short, ("alias", "unsynced"), "entry 5 of the ledger was not brought to MLflow yet"),
    "moved": (lambda t, _: t.move_by_hand(3), ("alias",), "the alias champion names version 3, and the ledger v"),
    "removed": (lambda t, _: t.move_by_hand(None), ("alias",), "the alias champion names no version, and the ledger v"),
    "deleted": (lambda t, _: t.delete(1), ("alias", "missing"), "is not in MLflow: was it deleted?"),
    "another model": (lambda t, _: _replace_file(t, b"evil"), ("artifact",), "champion 1 has not the digest that its"),
}
FAST = ("edited at the end", "missing", "cut short", "moved")
REPAIRED = ("cut short", "moved", "removed")


def test_what_agrees_has_no_findings(decided: TinyModel) -> None:
    assert _found(decided) == []


def test_a_model_of_which_nothing_was_decided_has_none_unless_it_has_a_champion(tiny: TinyModel) -> None:
    assert _found(tiny) == []
    tiny.train(ONE, 3)
    tiny.move_by_hand(1)
    assert _found(tiny) == [("no ledger", "the alias champion names version 1, and there is no ledger")]
    (remedy,) = list_remedies(tiny.context)
    assert remedy.sentence == f"`nightshift set-champion {tiny.name} 1 --unverified --reason …` takes it over"


@pytest.mark.parametrize(
    "harm", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in HARMS if name not in FAST)]
)
def test_what_does_not_agree_is_found_said_and_repaired(
    decided: TinyModel, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_harm, codes, sentence = HARMS[harm]
    do_harm(decided, monkeypatch)
    findings = _found(decided)
    assert tuple(code for code, _ in findings) == codes, findings
    assert any(sentence in message for _, message in findings), findings
    remedies = list_remedies(decided.context)
    assert _found(decided) == findings  # saying changes nothing
    assert any(remedy.by_sync for remedy in remedies) == (harm in REPAIRED or harm == "deleted"), remedies
    if harm in REPAIRED:
        decided.sync()
        assert _found(decided) == []


@pytest.mark.slow
def test_entries_that_do_not_fit_each_other_are_found_even_when_the_chain_was_made_anew(decided: TinyModel) -> None:
    """Whoever can write to the bucket can make the digests fit again: the sequence of champions tells, and the head."""
    _remove(decided, 3, 4)
    _edit(decided, 2, previous={"version": 7, "night": "2013-02-16"})
    findings = _found(decided)
    assert ("succession", "entry 2 says that version 7 was champion before it, and entry 1: 1") in findings
    assert "cut" in [code for code, _ in findings]


def test_what_grows_while_it_is_checked_is_looked_at_again(tiny: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_champion(ONE, 3)
    _replace_file(tiny, b"evil")
    listed = iter([1, 2, 1, 1])
    monkeypatch.setattr(consistency, "find_last_number", lambda *_: next(listed))
    assert [code for code, _ in _found(tiny)] == ["artifact"]
    listed = iter(range(1, 99))
    with pytest.raises(TryLater, match="grew 5 times while it was checked"):
        _found(tiny)
