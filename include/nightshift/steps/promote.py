"""`promote`: moves the alias champion to exactly the version that was evaluated, by way of the ledger.

Stored detail: promoted, champion_version and champion_night (who scores for this night; null: nobody),
challenger_version, reason, ledger (URI of the entry, or null), evaluated_again, reused.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from nightshift.adapters import results
from nightshift.adapters.ledger import Cause, Entry, Ledger
from nightshift.adapters.registry_rest import LEDGER_ENTRY, SHA256, Registry
from nightshift.champion.court import Court, court
from nightshift.errors import NothingToDo, TryLater
from nightshift.result import Outcome, Result
from nightshift.steps import Step
from nightshift.steps._finished import finished

log = logging.getLogger("nightshift.promote")
ATTEMPTS = 3
"""How often the champion may change while we work before Airflow is asked to come back later."""


@dataclass
class Promotion:
    """One night's promotion, while it is decided. `evaluated`: the verdict that it acts upon."""

    step: Step
    registry: Registry
    ledger: Ledger
    evaluated: Result
    evaluated_again: bool = False

    @property
    def challenger(self) -> int:
        """The version that was evaluated."""
        return int(self.evaluated.detail["challenger_version"])

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict on it."""
        found: dict[str, Any] = self.evaluated.detail["verdict"]
        return found


def run(step: Step) -> Outcome:
    """Promotes the challenger if it won and still may.

    Raises `NothingToDo` when it was refused or a newer champion stands, `BadConfig` when nothing was evaluated,
    `TryLater` when the champion keeps changing.
    """
    name = step.model.name
    promotion = Promotion(step, Registry(), Ledger(step.store, name), finished(step, "evaluate"))
    for _ in range(ATTEMPTS):
        seen = _settled(promotion)
        done = _done_before(promotion, seen)
        if done is not None:
            return done
        if _champion_changed(promotion, seen) and not _superseded(promotion, seen):
            _evaluate_again(promotion)
            continue
        _require_won(promotion, seen)
        entry = promotion.ledger.append(_entry(promotion, seen), after=seen.last)
        if entry is not None:
            _settle(promotion, entry)
            return _promoted(promotion, entry)
        log.info("another promotion was appended to the ledger meanwhile: looking again")
    raise TryLater(f"the champion of {name} changed {ATTEMPTS} times while version {promotion.challenger} was promoted")


def _settled(promotion: Promotion) -> Court:
    """Who reigns, after a promotion that was killed between ledger and alias, ours or another's, was finished."""
    name = promotion.step.model.name
    seen = court(promotion.registry, promotion.ledger, name)
    if seen.unfinished and seen.last is not None:
        log.info("finishing the promotion of version %d, which was cut short", seen.last.version)
        _settle(promotion, seen.last)
        seen = court(promotion.registry, promotion.ledger, name)
    return seen


def _settle(promotion: Promotion, entry: Entry) -> None:
    """Moves the alias to where the ledger ends. Whoever appends later settles later, so the alias ends there too."""
    registry, name = promotion.registry, promotion.step.model.name
    for _ in range(ATTEMPTS):
        moved = registry.set_champion(name, entry.version)
        registry.tag(registry.version(name, entry.version), {LEDGER_ENTRY: f"{entry.number:06d}"})
        last = promotion.ledger.last()
        if moved and last is not None and last.number == entry.number:
            return
        entry = last or entry
    raise TryLater(f"the alias champion of {name} is moved by other writers: it does not stay at {entry.version}")


def _done_before(promotion: Promotion, seen: Court) -> Outcome | None:
    """What an earlier attempt did. A version is promoted once, even if it was replaced or withdrawn since."""
    tags = promotion.registry.version(promotion.step.model.name, promotion.challenger).tags
    if LEDGER_ENTRY not in tags:
        return None
    detail = _detail(promotion, seen, "it was promoted before") | {"promoted": True, "reused": True}
    detail["ledger"] = promotion.ledger.uri(int(tags[LEDGER_ENTRY]))
    return Outcome(summary=f"version {promotion.challenger} was promoted before: {detail['ledger']}", detail=detail)


def _require_won(promotion: Promotion, seen: Court) -> None:
    """Raises `NothingToDo` unless the challenger won and the standing champion was not trained for a later night."""
    if not promotion.verdict["promote"]:
        _stands(promotion, seen, f"refused: {promotion.verdict['reason']}")
    if seen.champion is not None and _superseded(promotion, seen):
        standing = f"champion {seen.champion.number} was trained for the later night {seen.champion.night}"
        _stands(promotion, seen, f"superseded: {standing}; version {promotion.challenger} stays registered")


def _superseded(promotion: Promotion, seen: Court) -> bool:
    return seen.champion is not None and seen.champion.night > promotion.step.night


def _stands(promotion: Promotion, seen: Court, reason: str) -> None:
    detail = _detail(promotion, seen, reason)
    scores = detail["champion_version"]
    stands = "there is no champion" if scores is None else f"champion {scores} scores for {promotion.step.night}"
    raise NothingToDo(f"version {promotion.challenger} is not promoted, {stands}: {reason}", detail)


def _champion_changed(promotion: Promotion, seen: Court) -> bool:
    rival = seen.reigning(promotion.step.night, without=promotion.challenger)
    judged: int | None = promotion.evaluated.detail["champion_version"]
    return (rival.number if rival else None) != judged


def _evaluate_again(promotion: Promotion) -> None:
    """Replaces the verdict by one about the champion of now: in here, since a retry would meet the same old verdict."""
    from nightshift.steps import evaluate

    log.info("the champion changed since the challenger was evaluated: evaluating again")
    outcome = evaluate.run(promotion.step)
    promotion.evaluated = replace(promotion.evaluated, summary=outcome.summary, detail=outcome.detail)
    promotion.evaluated_again = True
    results.save(promotion.step.store, promotion.evaluated)


def _entry(promotion: Promotion, seen: Court) -> Entry:
    step, standing = promotion.step, seen.champion
    version = promotion.registry.version(step.model.name, promotion.challenger)
    return Entry(
        kind="promotion",
        model=step.model.name,
        version=version.number,
        night=step.night.isoformat(),
        champion_version=version.number,
        champion_night=step.night.isoformat(),
        previous_version=standing.number if standing else None,
        previous_night=standing.night.isoformat() if standing else None,
        reason=promotion.verdict["reason"],
        verdict=promotion.evaluated.detail,
        run_id=version.run_id,
        artifact_sha256=version.tags.get(SHA256, ""),
        cause=cause(step),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def cause(step: Step) -> Cause:
    """Who or what asks."""
    by = step.by
    return Cause(
        by=by.caused_by, kind=by.kind, user=by.user, backfill=by.backfill, code_version=by.code_version, image=by.image
    )


def _promoted(promotion: Promotion, entry: Entry) -> Outcome:
    before = "the first champion" if entry.previous_version is None else f"replaces version {entry.previous_version}"
    detail = {
        "promoted": True,
        "champion_version": entry.version,
        "champion_night": entry.night,
        "challenger_version": entry.version,
        "reason": entry.reason,
        "ledger": promotion.ledger.uri(entry.number),
        "evaluated_again": promotion.evaluated_again,
        "reused": False,
    }
    summary = f"version {entry.version} is champion and {before}: {entry.reason}"
    return Outcome(summary=summary, detail=detail)


def _detail(promotion: Promotion, seen: Court, reason: str) -> dict[str, Any]:
    """The detail when nothing was promoted now. The night is scored by whoever reigned on it, or else reigns now."""
    reign = seen.reigning(promotion.step.night) or seen.champion
    return {
        "promoted": False,
        "champion_version": reign.number if reign else None,
        "champion_night": reign.night.isoformat() if reign else None,
        "challenger_version": promotion.challenger,
        "reason": reason,
        "ledger": None,
        "evaluated_again": promotion.evaluated_again,
        "reused": False,
    }
