"""The commands about the champion, as they are typed: `set-champion`, `sync-alias`, `history`, `repair`."""

import json
import time
from datetime import date
from pathlib import Path

import pytest

from nightshift import cli
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.alias_reports import load_last_problem
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import Model
from nightshift.errors import TryLater
from support.champion_fixtures import TinyModel, build_model

ONE, TWO, THREE = (date(2013, 2, day) for day in (16, 17, 18))
ONE_O_CLOCK = "2013-02-18T13:00:00+00:00"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def tiny(
    store: ObjectStore,
    registry: Registry,
    model: Model,  # noqa: ARG001 - lets the command line find it
    monkeypatch: pytest.MonkeyPatch,
) -> TinyModel:
    """The shops model with two champion periods."""
    tiny = TinyModel(store, registry, build_model("shops"))
    monkeypatch.setattr("nightshift.steps.evaluate.run", tiny.judge)
    tiny.make_champion(ONE, 3)
    tiny.make_champion(TWO, 5)
    monkeypatch.setenv("NIGHTSHIFT_RUN_CAUSED_BY", "shops_set_champion:manual__1")
    monkeypatch.setenv("NIGHTSHIFT_RUN_KIND", "manual")
    monkeypatch.setenv("NIGHTSHIFT_RUN_USER", "ana")
    return tiny


def _said(capsys: Capture) -> list[str]:
    return capsys.readouterr().out.strip().splitlines()


def test_previous_is_champion_again_in_about_a_second(tiny: TinyModel, capsys: Capture) -> None:
    started = time.monotonic()
    assert cli.main(["set-champion", "shops", "previous", "--reason=twice the delays"]) == 0
    assert time.monotonic() - started < 15
    output = _said(capsys)[-1]
    assert "done: version 1 of shops is champion and version 2 is withdrawn: twice the delays; s3://" in output
    assert (tiny.alias, tiny.entries[-1].cause.user) == (1, "ana")
    assert tiny.entries[-1].cause.by == "shops_set_champion:manual__1"


def test_the_retry_of_a_run_says_that_it_is_done(tiny: TinyModel, capsys: Capture) -> None:
    for _ in range(2):
        assert cli.main(["set-champion", "shops", "previous", "--reason=too slow"]) == 0
    assert "done: this was done before: version 1 of shops was made champion by s3://" in _said(capsys)[-1]
    assert len(tiny.entries) == 3


@pytest.mark.slow
def test_a_reason_may_begin_with_a_dash(tiny: TinyModel) -> None:
    assert cli.main(["set-champion", "shops", "1", "--reason=--all is bad"]) == 0
    assert tiny.entries[-1].reason == "--all is bad"


def test_what_became_champion_after_it_was_asked_for_is_not_replaced(tiny: TinyModel, capsys: Capture) -> None:
    argv = ["set-champion", "shops", "previous", "--reason=too slow"]
    assert cli.main([*argv, "--asked-at=2013-02-18T13:00:00+00:00"]) == 20
    assert "version 2 of shops became champion at 20" in _said(capsys)[-1]
    assert (tiny.alias, len(tiny.entries)) == (2, 2)
    assert cli.main(argv) == 0  # in a shell: now


IMPOSSIBLE = [
    (["2", "--reason=again"], 99, "version 2 is champion of shops already"),
    (["7", "--reason=why not"], 20, "version 7 of model shops is not in MLflow's registry"),
    (["latest", "--reason=why not"], 20, "version 'latest' is no version: write its number, previous, or none"),
    (["1", "--reason=no"], 20, "the reason must have 3 to 500 characters, not 2"),
    (["1", "--reason=two\nlines"], 20, "the reason must be one line"),
    (["1", "--reason=why not", "--asked-at=today"], 20, "--asked-at 'today' is no instant: write it as 2013-"),
]


def test_what_cannot_be_done_is_said_in_one_line(tiny: TinyModel, capsys: Capture) -> None:
    for argv, code, sentence in IMPOSSIBLE:
        assert cli.main(["set-champion", "shops", *argv]) == code, sentence
        assert sentence in _said(capsys)[-1]
    assert (tiny.alias, len(tiny.entries)) == (2, 2)


@pytest.mark.slow
def test_a_reason_is_required(tiny: TinyModel, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["set-champion", "shops", "previous"])
    assert caught.value.code == 20
    assert "--reason" in capsys.readouterr().err
    assert tiny.alias == 2


def test_history_lists_the_newest_first_and_says_that_all_agree(tiny: TinyModel, capsys: Capture) -> None:
    tiny.train_and_judge(THREE, 4)
    tiny.promote(THREE)
    assert cli.main(["history", "shops"]) == 0
    head, *rows, _, check = _said(capsys)
    assert head.split() == ["no.", "when", "(UTC)", "kind", "version", "night", "champion", "before", "who", "reason"]
    cells = [row.split() for row in rows]
    assert [(row[0], *row[3:8]) for row in cells] == [
        ("3", "refusal", "3", "2013-02-18", "2", "2"),
        ("2", "promotion", "2", "2013-02-17", "2", "1"),
        ("1", "promotion", "1", "2013-02-16", "1", "none"),
    ]
    assert rows[0].endswith("a test  skill 4 loses")
    assert check == "ledger, alias and registry agree"


def test_history_as_json_has_the_whole_entries(tiny: TinyModel, capsys: Capture) -> None:
    tiny.set_champion("previous", reason="bad")
    assert cli.main(["history", "shops", "--json", "--last", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["number"] for entry in document["entries"]] == [3, 2]
    assert (document["entries"][0]["withdraws"], document["entries"][0]["cause"]["user"]) == (2, "ana")
    assert document["findings"] == []


def test_history_ends_with_10_when_something_does_not_agree(tiny: TinyModel, capsys: Capture) -> None:
    tiny.registry.set_champion("shops", 1)
    assert cli.main(["history", "shops", "--check"]) == 10
    assert _said(capsys) == ["alias: the alias champion names version 1, and the ledger version 2"]


@pytest.mark.slow
def test_what_a_person_wrote_reaches_no_terminal_as_a_command(tiny: TinyModel, capsys: Capture) -> None:
    entry = tiny.ledger.load_last()
    assert entry is not None
    document = tiny.store.get_json(tiny.ledger.build_uri(2))
    assert document is not None
    tiny.store.put_json(tiny.ledger.build_uri(2), document | {"reason": "\x1b[2Jgone"})
    cli.main(["history", "shops"])
    assert "?[2Jgone" in capsys.readouterr().out


EDITS: tuple[dict[str, object], ...] = (
    {"when": None},
    {"kind": "\x1b[2Jcoup"},
    {"model": "\x1b[2Jshops"},
    {"previous": {"version": 1, "night": "\x1b[2J"}},
)


def test_an_edited_entry_is_a_finding_and_reaches_no_terminal_as_a_command(tiny: TinyModel, capsys: Capture) -> None:
    document = tiny.store.get_json(tiny.ledger.build_uri(2))
    assert document is not None
    for edit in EDITS:
        tiny.store.put_json(tiny.ledger.build_uri(2), {**document, **edit})
        for command in ("history", "repair"):
            assert cli.main([command, "shops"]) == 10, (command, edit)
            output = capsys.readouterr().out
            assert "chain: entry 2 " in output
            assert "\x1b" not in output
    arguments = "a calm week \x1b[2J\x9b1m"
    decision = {"outcome": "approved", "by": "ana\x1b[2J", "about": "0" * 20, "at": ONE_O_CLOCK, "reason": arguments}
    tiny.store.put_json(tiny.ledger.build_uri(2), {**document, "decision": decision})
    cli.main(["history", "shops"])
    row = next(line for line in _said(capsys) if line.startswith("2 "))
    assert row.endswith("ana?[2J  skill 5 wins (a calm week ?[2J?1m)")
    cli.main(["history", "shops", "--json"])
    output = capsys.readouterr().out
    assert output.isascii()
    assert json.loads(output)["entries"][0]["decision"]["reason"] == arguments


def test_history_of_a_model_of_which_nothing_was_decided(
    model: Model, registry: Registry, store: ObjectStore, capsys: Capture
) -> None:
    assert (model.name, registry.find_champion("shops"), store.bucket != "") == ("shops", None, True)
    assert cli.main(["history", "shops"]) == 0
    assert _said(capsys) == ["nothing was decided yet", "", "ledger, alias and registry agree"]


def test_repair_says_what_it_would_do_and_does_it_when_told(tiny: TinyModel, capsys: Capture) -> None:
    assert cli.main(["repair", "shops"]) == 0
    assert _said(capsys) == ["ledger, alias and registry of shops agree: there is nothing to repair"]
    tiny.registry.set_champion("shops", 1)
    assert cli.main(["repair", "shops"]) == 10
    expected = "`nightshift set-champion shops 1 --reason …`"
    assert _said(capsys) == [
        "alias: the alias champion names version 1, and the ledger version 2",
        f"  would: bring alias and model cards to where the ledger ends; who wants version 1 runs {expected}",
        "nothing was changed: `nightshift repair shops --apply` does what can be done from here",
    ]
    assert (tiny.alias, len(tiny.entries)) == (1, 2)
    assert cli.main(["repair", "shops", "--apply"]) == 0
    assert _said(capsys)[-1] == "ledger, alias and registry of shops agree"
    assert (tiny.alias, len(tiny.entries)) == (2, 2)


def test_a_lost_end_is_accepted_with_a_reason(tiny: TinyModel, capsys: Capture) -> None:
    tiny.store.delete([tiny.ledger.build_uri(2)])
    assert cli.main(["repair", "shops"]) == 10
    output = _said(capsys)
    assert output[0] == "cut: the ledger of shops ends at entry 1, and MLflow knows of entry 2"
    assert "  you: cannot be repaired from here: restore the object" in output[1]
    assert "`nightshift repair shops --accept-end 1 --reason …` goes on from the end that is there" in output[1]
    assert output[3] == "  you: waits until the ledger is whole"
    for wrong in (["--accept-end", "1"], ["--reason", "why not"], ["--accept-end", "7", "--reason", "why not"]):
        assert cli.main(["repair", "shops", *wrong]) == 20, wrong
    capsys.readouterr()
    assert cli.main(["repair", "shops", "--accept-end", "1", "--reason", "restored to Monday"]) == 0
    output = _said(capsys)
    assert output[0] == "entry 2 accepts the end of the ledger: by it version 1 is champion"
    assert "the alias stood on version 2, the ledger says 1: moved back" in output[1]
    assert (tiny.alias, tiny.entries[-1].reason) == (1, "restored to Monday")


def test_sync_alias_moves_it_back_and_reports_what_a_person_has_to_mend(tiny: TinyModel, capsys: Capture) -> None:
    tiny.move_by_hand(1)
    assert cli.main(["sync-alias", "shops"]) == 0
    assert "the alias stood on version 1, the ledger says 2: moved back" in _said(capsys)[-1]
    tiny.delete(2)
    assert cli.main(["sync-alias", "nothing_yet", "shops"]) == 20
    sentence = "version 2 of shops, champion by entry 2 of the ledger, is not in MLflow: was it deleted?"
    assert sentence in _said(capsys)[-1]
    assert sentence in load_last_problem(tiny.store, "shops")
    tiny.set_champion("previous")
    assert cli.main(["sync-alias", "shops"]) == 0
    assert load_last_problem(tiny.store, "shops") == ""


def test_sync_alias_goes_on_round_after_round_whatever_fails(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    """Between two rounds a person moves the alias, or MLflow is away."""
    sign, slept = tmp_path / "answers", list[float]()
    honest = Registry.find_model

    def away(*_: object) -> None:
        raise TryLater("MLflow is away")

    def pause(seconds: float) -> None:
        slept.append(seconds)
        assert sign.exists()
        sign.unlink()
        if len(slept) == 1:
            monkeypatch.setattr(Registry, "find_model", away)
        if len(slept) == 2:
            monkeypatch.setattr(Registry, "find_model", honest)
            tiny.move_by_hand(1)
        if len(slept) == 3:
            raise SystemExit(0)

    monkeypatch.setattr("nightshift.commands.sync_alias.time.sleep", pause)
    with pytest.raises(SystemExit):
        cli.main(["sync-alias", "shops", "--every", "300", "--answers", str(sign)])
    output = _said(capsys)
    assert (slept, tiny.alias) == ([300, 300, 300], 2)
    assert "try_later: MLflow is away" in output[0]
    assert "moved back" in output[1]
    assert cli.main(["sync-alias", "--every", "601"]) == 20


@pytest.mark.slow
def test_repair_leaves_what_it_cannot_and_says_so(tiny: TinyModel, capsys: Capture) -> None:
    tiny.store.delete([tiny.ledger.build_uri(1)])
    assert cli.main(["repair", "shops", "--apply"]) == 10
    output = _said(capsys)
    assert output[0] == "chain: entry 1 is missing"
    assert "  you: cannot be repaired from here: restore the object" in output[1]
    assert output[-1] == "not all of it could be repaired"
