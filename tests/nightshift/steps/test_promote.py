import hashlib
import json
import threading
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from nightshift.adapters.mlflow.registry import LEDGER_HEAD, Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.results import Result
from support.stored_results import judged as judged_by

OLD, BEFORE, AFTER = date(2013, 2, 17), date(2013, 2, 18), date(2013, 2, 19)
RunStep = Callable[..., Result[Any]]
pytestmark = pytest.mark.usefixtures("fresh_in_process")


@pytest.fixture
def judged(run_step: RunStep, monkeypatch: pytest.MonkeyPatch) -> Callable[[date, int], int]:
    """Trains and judges a challenger with that many trees (more: better); returns its version."""
    module = import_module("models.shops.estimator")
    honest = module.estimator

    def judged(night: date, trees: int) -> int:
        monkeypatch.setattr(module, "estimator", lambda seed: honest(seed).set_params(max_iter=trees))
        version: int = run_step("train", night).detail.version
        assert run_step("evaluate", night).outcome == "done"
        return version

    return judged


Judged = Callable[[date, int], int]


def _alias(registry: Registry) -> int | None:
    version = registry.find_champion("shops")
    return version.number if version else None


def test_the_winner_is_champion_and_the_ledger_says_why(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger
) -> None:
    first = judged(BEFORE, 2)
    assert run_step("promote", BEFORE).detail.promoted
    second = judged(AFTER, 25)
    result = run_step("promote", AFTER)
    assert result.outcome == "done", result.summary
    assert (result.detail.champion_version, result.detail.champion_night) == (second, date(2013, 2, 19))
    assert _alias(registry) == second
    newest, oldest = ledger.iterate_newest_first()
    assert newest.previous is not None
    assert (newest.number, newest.version, newest.previous.version, newest.previous.night) == (
        2,
        second,
        first,
        "2013-02-18",
    )
    assert (oldest.number, oldest.version, oldest.previous_version) == (1, first, None)
    interval = judged_by(newest).verdict.interval
    assert interval is not None
    assert interval[0] > 0
    assert newest.cause.by == "a test"
    assert (newest.champion_version, newest.champion_night, newest.champion_entry) == (second, "2013-02-19", 2)
    assert result.detail.ledger == ledger.build_uri(2)


def test_each_entry_holds_the_digest_of_the_one_before(
    run_step: RunStep, judged: Judged, ledger: Ledger, store: ObjectStore
) -> None:
    for night, trees in ((BEFORE, 2), (AFTER, 25)):
        judged(night, trees)
        run_step("promote", night)
    first, second = (store.get(ledger.build_uri(number)) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert json.loads(second)["previous_digest"] == hashlib.sha256(first).hexdigest()


def test_a_refused_challenger_leaves_the_champion(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger
) -> None:
    current = judged(BEFORE, 25)
    run_step("promote", BEFORE)
    loser = judged(AFTER, 2)
    result = run_step("promote", AFTER)
    assert result.outcome == "nothing_to_do"
    assert result.detail.reason.startswith("refused: log loss")
    assert (result.detail.promoted, result.detail.challenger_version) == (False, loser)
    assert (result.detail.champion_version, result.detail.champion_night) == (current, date(2013, 2, 18))
    assert _alias(registry) == current
    refused, promoted = ledger.iterate_newest_first()
    assert (refused.kind, refused.version, refused.champion_version, refused.champion_entry) == (
        "refusal",
        loser,
        current,
        1,
    )
    assert (promoted.kind, refused.previous_version) == ("promotion", current)
    assert result.detail.ledger == ledger.build_uri(2)


def test_promoting_twice_is_one_promotion(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger
) -> None:
    version = judged(BEFORE, 25)
    first, second = run_step("promote", BEFORE), run_step("promote", BEFORE)
    assert second.outcome == "done"
    assert second.detail.reused
    assert second.detail.champion_version == first.detail.champion_version == version == _alias(registry)
    assert second.detail.ledger == first.detail.ledger
    assert len(list(ledger.iterate_newest_first())) == 1


def test_a_promotion_killed_between_ledger_and_alias_is_finished(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = judged(BEFORE, 25)
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_champion", _dies)
        assert run_step("promote", BEFORE).outcome == "failed"
    assert _alias(registry) is None
    assert run_step("promote", BEFORE).outcome == "done"
    assert _alias(registry) == version
    assert len(list(ledger.iterate_newest_first())) == 1


def test_a_promotion_killed_after_the_alias_is_finished(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(BEFORE, 25)
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "tag_model", _dies)
        assert run_step("promote", BEFORE).outcome == "failed"
    assert run_step("promote", BEFORE).detail.promoted
    model = registry.find_model("shops")
    assert model is not None
    assert model.tags[LEDGER_HEAD] == f"000001 {ledger.find_digest(1)}"
    assert len(list(ledger.iterate_newest_first())) == 1


def test_the_next_night_finishes_what_a_killed_one_began(
    run_step: RunStep, judged: Judged, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = judged(BEFORE, 25)
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_champion", _dies)
        run_step("promote", BEFORE)
    judged(AFTER, 2)
    result = run_step("promote", AFTER)
    assert result.outcome == "nothing_to_do"
    assert result.detail.champion_version == version == _alias(registry)


def test_an_old_night_never_demotes_a_newer_champion(run_step: RunStep, judged: Judged, registry: Registry) -> None:
    first = judged(OLD, 2)
    run_step("promote", OLD)
    newer = judged(AFTER, 3)
    assert run_step("promote", AFTER).detail.promoted
    backfilled = judged(BEFORE, 25)
    result = run_step("promote", BEFORE)
    assert result.outcome == "nothing_to_do"
    assert result.detail.reason.startswith(f"superseded: champion {newer} was trained for the later night 2013-02-19")
    assert _alias(registry) == newer
    assert registry.load_version("shops", backfilled).tags["nightshift.compared_with"] == str(first)
    # The old night is scored by the champion of then, not by a model that has seen what came later.
    assert result.detail.champion_version == first


def test_a_champion_that_changed_since_the_verdict_is_met_first(
    run_step: RunStep, judged: Judged, registry: Registry
) -> None:
    judged(OLD, 2)
    run_step("promote", OLD)
    middling = judged(AFTER, 5)
    strong = judged(BEFORE, 25)
    assert run_step("promote", BEFORE).detail.promoted
    result = run_step("promote", AFTER)
    assert result.outcome == "nothing_to_do", result.summary
    assert result.detail.evaluated_again
    assert _alias(registry) == strong
    assert run_step("evaluate", AFTER).detail.champion_version == strong
    assert middling != strong


def test_two_promoters_at_once_end_with_one_champion(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(BEFORE, 2)
    judged(AFTER, 25)
    # The verdict on AFTER was made without a champion, so BEFORE's promotion changes what it is about.
    together, honest = threading.Barrier(2, timeout=60), Ledger.append

    def at_once(*given: Any, **named: Any) -> Any:
        together.wait()
        monkeypatch.setattr(Ledger, "append", honest)
        return honest(*given, **named)

    monkeypatch.setattr(Ledger, "append", at_once)
    threads = [threading.Thread(target=run_step, args=("promote", night)) for night in (BEFORE, AFTER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = ledger.load_last()
    assert last is not None
    # Whoever came second was promoted over the first, or superseded by it: either way it is in the ledger once.
    assert (last.champion_version, last.champion_night) == (_alias(registry), "2013-02-19")
    versions = [entry.version for entry in ledger.iterate_newest_first()]
    assert len(versions) == len(set(versions)) == 2


def test_an_alias_that_a_person_moved_is_not_the_champion_and_is_moved_back(
    run_step: RunStep, judged: Judged, registry: Registry, ledger: Ledger
) -> None:
    first = judged(OLD, 2)
    run_step("promote", OLD)
    by_hand = judged(BEFORE, 2)
    assert run_step("promote", BEFORE).outcome == "nothing_to_do"
    registry.set_champion("shops", by_hand)
    third = judged(AFTER, 25)
    assert _alias(registry) == first
    assert registry.load_version("shops", third).tags["nightshift.compared_with"] == str(first)
    assert run_step("promote", AFTER).detail.promoted
    assert [(entry.kind, entry.version) for entry in ledger.iterate_newest_first()] == [
        ("promotion", third),
        ("refusal", by_hand),
        ("promotion", first),
    ]


def test_without_a_verdict_it_says_what_to_run(run_step: RunStep) -> None:
    result = run_step("promote", AFTER)
    assert result.outcome == "bad_config"
    assert "run `nightshift evaluate shops 2013-02-19` first" in result.summary


def _dies(*_: object, **__: object) -> None:
    raise RuntimeError("killed here")
