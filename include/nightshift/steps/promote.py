"""`promote`: decides whether the version that was evaluated becomes champion, and records that in the ledger.

Every decision becomes an entry, also a refusal; the alias champion follows.
"""

import logging
from dataclasses import replace
from datetime import date

from nightshift.adapters.mlflow.registry import Version
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger_entries import Entry, LedgerVersion
from nightshift.context import Context
from nightshift.errors import TryLater
from nightshift.modelling.earlier_steps import load_finished, require_judged
from nightshift.promotion import approval
from nightshift.promotion.append_decision import Decided, Proposal, append_decision, build_version_key, find_entries
from nightshift.promotion.build_entry import build_promotion, build_refusal
from nightshift.promotion.cause import build_cause
from nightshift.promotion.champion_state import (
    ChampionState,
    find_champion_on,
    find_scorer,
    identify,
    is_same_version,
)
from nightshift.promotion.sync_alias import sync_alias
from nightshift.results import EvaluateResult, NotPromoted, Outcome, PromoteResult

log = logging.getLogger("nightshift.promote")
EVALUATIONS = 3
"""How often the champion to beat may change while we decide: each time costs an evaluation."""
PREFIXES = {"refusal": "refused: ", "superseded": "superseded: "}


def run(context: Context) -> Outcome[PromoteResult]:
    """Promotes the challenger if it won and still may.

    Raises `NotPromoted` when it was refused or withdrawn, or a newer champion is there; `BadConfig` when nothing was
    evaluated, the record is not about the night's own version, a person must say something first, or ledger and MLflow
    do not belong together; `TryLater` when the champion keeps changing.
    """
    promotion = Promotion(context)
    decided = append_decision(context.ledger, promotion.sync, promotion.decide)
    if not decided.reused:
        promotion.sync()
    if promotion.evaluations:
        step_results.save(context.store, promotion.stored)
    return promotion.conclude(decided)


class Promotion:
    """One night's promotion, while it is decided. `stored`: the result of `evaluate` that it acts upon."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.stored, self.evaluations = load_finished(context, EvaluateResult), 0
        self.decision = approval.keep_decision(context.model, context.decision)

    @property
    def evaluated(self) -> EvaluateResult:
        """What `evaluate` did."""
        return self.stored.detail

    @property
    def challenger(self) -> int:
        """The number of the version that was evaluated."""
        return self.evaluated.challenger_version

    def sync(self) -> ChampionState:
        """Brings MLflow to where the ledger ends; returns the state there."""
        return sync_alias(self.context)

    def decide(self, state: ChampionState) -> Proposal | Decided | None:
        """The entry to append, the one that an earlier attempt appended, or None after another evaluation."""
        version = self.context.registry.load_version(self.context.model.name, self.challenger)
        require_judged(self.context, self.evaluated, version)
        self._require_not_withdrawn(state, version)
        known = self._find_decision(state, version)
        if known is not None:
            return Decided(known, state, reused=True)
        if not state.is_champion_later_than(self.context.night) and self._is_champion_changed(state):
            self._evaluate_again()
            return None
        return Proposal(self._build(state, version))

    def _require_not_withdrawn(self, state: ChampionState, version: Version) -> None:
        withdrawal = state.find_withdrawal(version)
        if withdrawal is not None:
            entry = self.context.ledger.load_entry(withdrawal.entry)
            who = entry.cause.user or entry.cause.by
            reason = f"version {version.number} was withdrawn on {entry.when} by {who}: {entry.reason}"
            result = replace(self._describe(Decided(entry, state, reused=True)), reason=reason)
            raise NotPromoted(f"{reason}; {self._name_scorer(result)}", result)

    def _find_decision(self, state: ChampionState, version: Version) -> Entry | None:
        """The entry that answers whether this verdict promotes the version, as the night is asked now."""
        entries = find_entries(self.context.ledger, state, build_version_key(version.number))
        return next((entry for entry in entries if self._is_answer(entry, state, version)), None)

    def _is_answer(self, entry: Entry, state: ChampionState, version: Version) -> bool:
        """A version that became champion was promoted for good; one that a person set unverified, while it is.

        A refusal answers for its verdict and its person's answer, `superseded` while a champion of a later night is
        there.
        """
        if (entry.version, entry.run_id) != (version.number, version.run_id):
            return False
        if entry.changes_champion:
            is_champion = state.champion is not None and is_same_version(version, state.champion)
            return is_champion or not entry.unverified
        if entry.verdict is None or entry.verdict.idempotency_key != self.evaluated.idempotency_key:
            return False
        if entry.kind == "superseded":
            return state.is_champion_later_than(self.context.night)
        same = entry.decision is None or approval.is_same_answer(entry.decision, self.decision)
        return entry.kind == "refusal" and same and approval.matches_answer(entry, self.decision, self._about)

    @property
    def _about(self) -> str:
        """The digest of the record: what a person who was shown it answered about."""
        return approval.digest_record(self.evaluated)

    def _is_champion_changed(self, state: ChampionState) -> bool:
        night_champion = find_champion_on(self.context, state, self.context.night, without=self.challenger)
        return (night_champion.number if night_champion else None) != self.evaluated.champion_version

    def _evaluate_again(self) -> None:
        """Replaces the verdict by one about the champion of now. A retry would meet the same old verdict.

        It is stored when it was acted upon. Before, a retry must still see that nobody was asked about it.
        """
        from nightshift.steps import evaluate

        if self.evaluations == EVALUATIONS:
            name = self.context.model.name
            raise TryLater(f"the champion of {name} changed {EVALUATIONS + 1} times while {self.challenger} met it")
        judged = self.evaluated.champion_version
        outcome = evaluate.run(self.context)
        now = outcome.detail.champion_version
        log.info("the champion to beat was %s at the verdict and is now %s: evaluated again", judged, now)
        self.stored = replace(self.stored, summary=outcome.summary, detail=outcome.detail)
        self.evaluations += 1

    def _build(self, state: ChampionState, version: Version) -> Entry:
        """The entry by which the version becomes champion or does not, with the verdict that was acted upon."""
        verdict, cause, night = self.evaluated.verdict, build_cause(self.context.by), self.context.night
        decision = None
        if not verdict.promote:
            entry = build_refusal(state, "refusal", version, verdict.reason, cause)
        elif state.champion is not None and state.is_champion_later_than(night):
            champion = f"champion {state.champion.version} was trained for the later night {state.champion.night}"
            reason = f"{champion}; version {version.number} stays registered"
            entry = build_refusal(state, "superseded", version, reason, cause)
        else:
            decision, refused = self.decision, self._find_refusal()
            entry = (
                build_promotion(state, version, verdict.reason, cause)
                if refused is None
                else build_refusal(state, "refusal", version, refused, cause)
            )
        return replace(entry, verdict=self.evaluated, decision=decision)

    def _find_refusal(self) -> str | None:
        """Why a person's answer, or that nobody could be asked, refuses the promotion that the gate allows."""
        model, night, is_repeated = self.context.model, self.context.night.isoformat(), self.evaluations > 0
        refused = approval.find_refusal(model, night, self.decision, self._about, judged_again=is_repeated)
        if refused == approval.CHANGED:
            log.info("who agrees to the new verdict in a shell says --about %s", self._about)
        return refused

    def conclude(self, decided: Decided) -> Outcome[PromoteResult]:
        """What the entry means for this step. Raises `NotPromoted` unless it made the challenger champion."""
        entry, result = decided.entry, self._describe(decided)
        if not result.promoted:
            raise NotPromoted(
                f"version {self.challenger} is not promoted, {self._name_scorer(result)}: {result.reason}", result
            )
        if decided.reused:
            return Outcome(summary=f"version {self.challenger} was promoted before: {result.ledger}", detail=result)
        replaced = entry.previous_version
        before = "the first champion" if replaced is None else f"replaces version {replaced}"
        return Outcome(summary=f"version {entry.version} is champion and {before}: {entry.reason}", detail=result)

    def _describe(self, decided: Decided) -> PromoteResult:
        entry = decided.entry
        promoted = entry.changes_champion and entry.champion_version == self.challenger
        champion = entry.champion if promoted and not decided.reused else self._choose_scorer(decided.state)
        return PromoteResult(
            promoted=promoted,
            kind=entry.kind,
            champion_version=champion.version if champion else None,
            champion_night=date.fromisoformat(champion.night) if champion else None,
            challenger_version=self.challenger,
            reason=PREFIXES.get(entry.kind, "") + entry.reason,
            decision=entry.decision,
            ledger=self.context.ledger.build_uri(entry.number),
            evaluated_again=self.evaluations > 0,
            reused=decided.reused,
        )

    def _choose_scorer(self, state: ChampionState) -> LedgerVersion | None:
        """Who scores the night unless it was just decided anew: its own champion, else the present one."""
        champion = find_scorer(self.context, state, self.context.night)
        return identify(champion.version) if champion else None

    def _name_scorer(self, result: PromoteResult) -> str:
        number = result.champion_version
        return "there is no champion" if number is None else f"champion {number} scores for {self.context.night}"
