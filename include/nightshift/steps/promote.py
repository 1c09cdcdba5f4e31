"""`promote`: moves the alias champion to exactly the version that was evaluated, by way of the ledger.

Every decision becomes an entry of the ledger, also a refusal. Stored detail: promoted, kind (that of the entry),
champion_version and champion_night (who scores for this night; null: nobody), challenger_version, reason, decision
(what a person said, or null), ledger (URI of the entry), evaluated_again, reused.
"""

import logging
import random
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from nightshift.adapters import results
from nightshift.adapters.ledger import Decision, Entry, Kind, Ledger
from nightshift.adapters.registry_rest import Registry
from nightshift.champion import approval, entries
from nightshift.champion.cause import cause_of
from nightshift.champion.court import Court, Reign
from nightshift.champion.recall import Question, recalled, withdrawal
from nightshift.champion.settle import append, settle, settled
from nightshift.champion.vouching import vouch
from nightshift.errors import NothingToDo, TryLater
from nightshift.result import Outcome, Result
from nightshift.steps import Step
from nightshift.steps._finished import finished
from nightshift.steps._judged import require_judged
from nightshift.story.card import publish_cards

log = logging.getLogger("nightshift.promote")
LOOKS = 12
"""How often another entry may be appended while we decide before Airflow is asked to come back later."""
EVALUATIONS = 3
"""How often the champion to beat may change while we decide: each time costs an evaluation."""
PAUSE = 0.3
"""Seconds that a look waits at most after another entry was appended, so that two do not meet again."""
SAID = {"refusal": "refused: ", "superseded": "superseded: "}


@dataclass
class Promotion:
    """One night's promotion, while it is decided. `evaluated`: the verdict that it acts upon."""

    step: Step
    registry: Registry
    ledger: Ledger
    evaluated: Result
    evaluations: int = 0

    @property
    def challenger(self) -> int:
        """The version that was evaluated."""
        return int(self.evaluated.detail["challenger_version"])

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict on it."""
        found: dict[str, Any] = self.evaluated.detail["verdict"]
        return found

    @property
    def key(self) -> str:
        """What identifies the verdict: its idempotency key."""
        return str(self.evaluated.detail["idempotency_key"])

    @property
    def about(self) -> str:
        """The digest of the record: what a person who was shown it answered about."""
        return approval.shown(self.evaluated.detail)


@dataclass(frozen=True)
class Ruling:
    """What is decided, before it is written. `decision`: what a person said, where that mattered."""

    kind: Kind
    reason: str
    decision: Decision | None = None


def run(step: Step) -> Outcome:
    """Promotes the challenger if it won and still may.

    Raises `NothingToDo` when it was refused, withdrawn, or a newer champion stands, `BadConfig` when nothing was
    evaluated, the record is not about the night's own version, a person must say something first, or ledger and MLflow
    do not belong together, `TryLater` when the champion keeps changing.
    """
    name, cause = step.model.name, cause_of(step.by)
    promotion = Promotion(step, Registry(), Ledger(step.store, name), finished(step, "evaluate"))
    for look in range(LOOKS):
        time.sleep(random.uniform(0, PAUSE) if look else 0)  # noqa: S311 - a pause is no secret
        seen = settled(promotion.registry, promotion.ledger, name, cause)
        question = _question(promotion)
        _require_standing(promotion, seen)
        known = _known(promotion, seen, question)
        if known is not None:
            if seen.last is not None and known.number == seen.last.number:  # one that others follow needs no tag
                vouch(promotion.registry, promotion.ledger, question.version, known)
            _publish(promotion, known)  # the earlier attempt may have ended before it did
            return _concluded(promotion, seen, known, reused=True)
        if _rival_changed(promotion, seen) and not _superseded(promotion, seen):
            _evaluate_again(promotion)
            continue
        entry = append(seen, _entry(promotion, seen))
        if entry is not None:
            return _ended(promotion, seen, entry)
        log.info("another decision was appended to the ledger meanwhile: looking again")
    raise TryLater(f"the ledger of {name} grew {LOOKS} times while version {promotion.challenger} was decided upon")


def _ended(promotion: Promotion, seen: Court, entry: Entry) -> Outcome:
    """What follows an appended entry: the alias, the record, the model cards, the result."""
    name = promotion.step.model.name
    if entry.changes_champion:
        settle(promotion.registry, promotion.ledger, name)
    _publish(promotion, entry)
    return _concluded(promotion, seen, entry, reused=False)


def _publish(promotion: Promotion, entry: Entry) -> None:
    """The verdict, if it was made again, and the model cards of the versions whose story the entry goes on with."""
    if promotion.evaluations:
        results.save(promotion.step.store, promotion.evaluated)
    replaced = entry.previous_version if entry.changes_champion else None
    publish_cards(promotion.step.store, promotion.registry, entry.model, entry.version, replaced)


def _question(promotion: Promotion) -> Question:
    version = promotion.registry.version(promotion.step.model.name, promotion.challenger)
    require_judged(promotion.step, promotion.evaluated.detail, version)
    return Question(version, promotion.key, approval.agreed(promotion.step.model, promotion.step.decision))


def _known(promotion: Promotion, seen: Court, question: Question) -> Entry | None:
    """The entry that answers the question already, or None."""
    found = recalled(seen, question)
    if found is None or found.kind != "refusal":
        return found
    return found if approval.answers(found, question.decision, promotion.about) else None


def _require_standing(promotion: Promotion, seen: Court) -> None:
    """Raises `NothingToDo` for a version that a rollback took away."""
    gone = withdrawal(seen, promotion.challenger)
    if gone is not None:
        who = gone.cause.user or gone.cause.by
        reason = f"version {promotion.challenger} was withdrawn on {gone.when} by {who}: {gone.reason}"
        detail = _detail(promotion, seen, gone, reused=True) | {"reason": reason}
        raise NothingToDo(f"{reason}; {_stands(promotion, detail)}", detail)


def _ruling(promotion: Promotion, seen: Court) -> Ruling:
    model, night = promotion.step.model, promotion.step.night
    if not promotion.verdict["promote"]:
        return Ruling("refusal", promotion.verdict["reason"])
    if seen.champion is not None and _superseded(promotion, seen):
        standing = f"champion {seen.champion.number} was trained for the later night {seen.champion.night}"
        return Ruling("superseded", f"{standing}; version {promotion.challenger} stays registered")
    decision = approval.agreed(model, promotion.step.decision)
    again = promotion.evaluations > 0
    refused = approval.refused_because(model, night.isoformat(), decision, promotion.about, judged_again=again)
    if refused == approval.CHANGED:
        log.info("who agrees to the new verdict in a shell says --about %s", promotion.about)
    if refused is not None:
        return Ruling("refusal", refused, decision)
    return Ruling("promotion", promotion.verdict["reason"], decision)


def _entry(promotion: Promotion, seen: Court) -> Entry:
    ruling, cause = _ruling(promotion, seen), cause_of(promotion.step.by)
    version = promotion.registry.version(promotion.step.model.name, promotion.challenger)
    challenger = Reign(version, promotion.step.night)
    if ruling.kind == "promotion":
        entry = entries.promotion(seen, challenger, ruling.reason, cause)
    else:
        entry = entries.refusal(seen, ruling.kind, challenger, ruling.reason, cause)
    return replace(entry, verdict=promotion.evaluated.detail, decision=ruling.decision)


def _superseded(promotion: Promotion, seen: Court) -> bool:
    return seen.champion is not None and seen.champion.night > promotion.step.night


def _rival_changed(promotion: Promotion, seen: Court) -> bool:
    rival = seen.reigning(promotion.step.night, without=promotion.challenger)
    judged: int | None = promotion.evaluated.detail["champion_version"]
    return (rival.number if rival else None) != judged


def _evaluate_again(promotion: Promotion) -> None:
    """Replaces the verdict by one about the champion of now: in here, since a retry would meet the same old verdict.

    It is stored when it was acted upon. Before, a retry must still see that nobody was asked about it.
    """
    from nightshift.steps import evaluate

    if promotion.evaluations == EVALUATIONS:
        name = promotion.step.model.name
        raise TryLater(f"the champion of {name} changed {EVALUATIONS + 1} times while {promotion.challenger} met it")
    judged = promotion.evaluated.detail["champion_version"]
    outcome = evaluate.run(promotion.step)
    now = outcome.detail["champion_version"]
    log.info("the champion to beat was %s at the verdict and is now %s: evaluated again", judged, now)
    promotion.evaluated = replace(promotion.evaluated, summary=outcome.summary, detail=outcome.detail)
    promotion.evaluations += 1


def _concluded(promotion: Promotion, seen: Court, entry: Entry, *, reused: bool) -> Outcome:
    """What the entry means for this step. Raises `NothingToDo` unless it made the challenger champion."""
    detail = _detail(promotion, seen, entry, reused=reused)
    if not detail["promoted"]:
        said = f"{_stands(promotion, detail)}: {detail['reason']}"
        raise NothingToDo(f"version {promotion.challenger} is not promoted, {said}", detail)
    if reused:
        return Outcome(summary=f"version {promotion.challenger} was promoted before: {detail['ledger']}", detail=detail)
    replaced = entry.previous_version
    before = "the first champion" if replaced is None else f"replaces version {replaced}"
    return Outcome(summary=f"version {entry.version} is champion and {before}: {entry.reason}", detail=detail)


def _detail(promotion: Promotion, seen: Court, entry: Entry, *, reused: bool) -> dict[str, Any]:
    promoted = entry.changes_champion and entry.champion_version == promotion.challenger
    scores = _scorer(promotion, seen, entry, new=promoted and not reused)
    return {
        "promoted": promoted,
        "kind": entry.kind,
        "champion_version": scores[0],
        "champion_night": scores[1],
        "challenger_version": promotion.challenger,
        "reason": SAID.get(entry.kind, "") + entry.reason,
        "decision": asdict(entry.decision) if entry.decision else None,
        "ledger": promotion.ledger.uri(entry.number),
        "evaluated_again": promotion.evaluations > 0,
        "reused": reused,
    }


def _scorer(promotion: Promotion, seen: Court, entry: Entry, *, new: bool) -> tuple[int | None, str | None]:
    """Who scores the night: the champion just made, else whoever reigned on the night, else who reigns now."""
    if new:
        return entry.version, entry.night
    reign = seen.reigning(promotion.step.night) or seen.champion
    return (reign.number, reign.night.isoformat()) if reign else (None, None)


def _stands(promotion: Promotion, detail: dict[str, Any]) -> str:
    scores = detail["champion_version"]
    return "there is no champion" if scores is None else f"champion {scores} scores for {promotion.step.night}"
