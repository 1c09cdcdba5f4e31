"""`evaluate`: lets challenger and champion score the same holdout rows, and stores the verdict. Green either way.

A verdict is found again as long as it is about the same two versions and everything that it read is unchanged and still
validated. One that the ledger promoted upon stands for good: the night is not judged again.
"""

import hashlib
import logging
from dataclasses import asdict, replace
from datetime import date

from nightshift import catalog
from nightshift.adapters.mlflow.registry import TRAINED_TO, Version
from nightshift.adapters.s3 import step_results
from nightshift.context import Context, build_idempotency_key
from nightshift.errors import DataRejected
from nightshift.modelling.comparison import Comparison, judge_versions
from nightshift.modelling.earlier_steps import load_finished
from nightshift.modelling.estimators import list_trusted_types
from nightshift.modelling.examples import load_examples
from nightshift.modelling.inputs import Plan, list_inputs, plan_holdout
from nightshift.modelling.publish_verdict import publish
from nightshift.promotion.append_decision import build_version_key, find_entries
from nightshift.promotion.champion_state import ChampionState, find_champion_on, is_same_version
from nightshift.promotion.sync_alias import sync_alias
from nightshift.promotion.trusted_types import read_trusted_types
from nightshift.result_parts import LeftOutNight
from nightshift.results import EvaluateResult, Outcome, TrainResult

log = logging.getLogger("nightshift.evaluate")


def run(context: Context) -> Outcome[EvaluateResult]:
    """Judges the night's challenger against the champion of that night.

    Raises `BadConfig` when nothing was trained, `DataRejected` when no holdout night can be used.
    """
    plan, trained = plan_holdout(context.lake, context.night), load_finished(context, TrainResult)
    state = sync_alias(context)
    comparison = _compare(context, state, plan, trained.detail.version)
    earlier = _find_promoting_verdict(context, state, comparison.challenger) or _find_earlier_verdict(
        context, comparison, plan
    )
    if earlier is not None:
        return Outcome(summary=_format_summary(earlier), detail=replace(earlier, reused=True))
    key = build_idempotency_key(context, f"{plan.digest} {comparison.numbers}")
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
    rows = load_examples(context.lake, comparison.nights)
    verdict = judge_versions(context.model, context.registry, comparison, rows, seed)
    result = EvaluateResult(
        verdict=verdict,
        gate=asdict(context.model.gate),
        task=context.model.task,
        challenger_version=comparison.challenger.number,
        champion_version=comparison.champion.number if comparison.champion else None,
        champion_night=comparison.champion_night,
        holdout_nights=rows.nights,
        left_out=comparison.left_out + rows.list_left_out(),
        joins=rows.list_joins(),
        trusted={str(number): types for number, types in comparison.trusted.items()},
        rows=len(rows.labels),
        run_id=comparison.challenger.run_id,
        inputs=list_inputs(context.lake, comparison.nights),
        model_code=catalog.digest_model(context.model.name),
        comparison=_build_comparison_key(context, comparison),
        idempotency_key=key,
        seed=seed,
        reused=False,
    )
    publish(context, comparison.challenger, result)
    return Outcome(summary=_format_summary(result), detail=result)


def _build_comparison_key(context: Context, comparison: Comparison) -> str:
    """Names a comparison whatever its holdout: night, code, definition and the two versions."""
    return build_idempotency_key(context, f"evaluate {comparison.numbers}")


def _find_promoting_verdict(context: Context, state: ChampionState, version: Version) -> EvaluateResult | None:
    """The verdict by which this challenger became champion. What was decided by it is not decided again."""
    for entry in find_entries(context.ledger, state, build_version_key(version.number)):
        if entry.kind == "promotion" and entry.champion is not None and is_same_version(version, entry.champion):
            number = entry.number
            log.info(
                "version %d was promoted on its verdict, in entry %d: it is not judged again", version.number, number
            )
            return entry.verdict
    return None


def _find_earlier_verdict(context: Context, comparison: Comparison, plan: Plan) -> EvaluateResult | None:
    """The verdict of an earlier attempt, if all that it read still is as it was. More nights do not make it another."""
    stored = step_results.load(context.store, context.model.name, context.night, EvaluateResult)
    before = stored.detail if stored is not None and stored.outcome == "done" else None
    if before is None or before.comparison != _build_comparison_key(context, comparison):
        return None
    if before.run_id != comparison.challenger.run_id:  # another version had this number
        return None
    if any(plan.inputs.get(uri) != digest for uri, digest in before.inputs.items()):
        return None
    known = {*before.holdout_nights, *(counts.night for counts in before.joins)}
    for night in comparison.nights:
        if night not in known:
            log.info("night %s became usable after the verdict, which stands as it was made without it", night)
    return before


def _compare(context: Context, state: ChampionState, plan: Plan, number: int) -> Comparison:
    night_champion = find_champion_on(context, state, context.night, without=number)
    challenger = context.registry.load_version(context.model.name, number)
    champion, trained_for = (night_champion.version, night_champion.night) if night_champion else (None, None)
    nights, seen_by = _select_unseen_nights(plan.holdout.nights, (challenger, *([champion] if champion else [])))
    trusted = {number: list_trusted_types(context.model)}
    if champion is not None:
        trusted[champion.number] = read_trusted_types(context, state, champion)
    return Comparison(challenger, champion, trained_for, nights, plan.left_out + seen_by, trusted)


def _select_unseen_nights(
    nights: tuple[date, ...], versions: tuple[Version, ...]
) -> tuple[tuple[date, ...], tuple[LeftOutNight, ...]]:
    """The nights that no version was trained on; a definition with another window can make them overlap."""
    last = max((date.fromisoformat(v.tags[TRAINED_TO]) for v in versions if TRAINED_TO in v.tags), default=date.min)
    left = tuple(night for night in nights if night > last)
    if not left:
        raise DataRejected(f"no holdout night is later than {last}, the last one that a version was trained on")
    reason = f"a version of the comparison was trained up to {last}"
    return left, tuple(LeftOutNight(night=night, reason=reason) for night in nights if night <= last)


def _format_summary(result: EvaluateResult) -> str:
    decided = "wins" if result.verdict.promote else "is refused"
    against = f"against champion {result.champion_version}" if result.champion_version else "without a champion"
    return f"challenger {result.challenger_version} {decided} {against}: {result.verdict.reason}"
