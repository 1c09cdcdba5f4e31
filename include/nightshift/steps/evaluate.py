"""`evaluate`: lets challenger and champion score the same holdout rows, and stores the verdict. Green either way.

A verdict is found again as long as it is about the same two versions and everything that it read is unchanged and still
validated. One that the ledger promoted upon stands for good: the night is not judged again.

Stored detail: verdict, challenger_version, champion_version, champion_night, holdout_nights, left_out, joins (counts of
each night that was read), rows, run_id, trusted (the types that each version may contain, by number), gate (its
fields), task, inputs (the digest of every partition read, by URI), model_code (digest of the model's folder and
suites), comparison (digest of the night, the code, the definition and the two versions), idempotency_key, seed, reused.
With gate, task, versions, holdout nights, inputs and seed the verdict can be computed again: `nightshift recheck`.
"""

import hashlib
import logging
from dataclasses import asdict
from datetime import date
from typing import Any

from nightshift import catalog
from nightshift.adapters.mlflow.registry import TRAINED_TO, Registry, Version
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.context import Step, idempotency_key
from nightshift.core.verdict import Verdict
from nightshift.definition import Model
from nightshift.errors import DataRejected
from nightshift.lake.validated_nights import Lake
from nightshift.modelling.comparison import Comparison, judge_versions
from nightshift.modelling.earlier_steps import finished
from nightshift.modelling.estimators import trusted_of
from nightshift.modelling.examples import Examples, examples
from nightshift.modelling.inputs import Plan, holdout_plan, inputs_of
from nightshift.modelling.publish_verdict import publish
from nightshift.promotion.append_decision import find_entries, version_key
from nightshift.promotion.champion_state import ChampionState, find_champion_on, is_same_version
from nightshift.promotion.sync_alias import sync_alias
from nightshift.promotion.trusted_types import read_trusted_types
from nightshift.result import Outcome

log = logging.getLogger("nightshift.evaluate")


def run(step: Step) -> Outcome:
    """Judges the night's challenger against the champion of that night.

    Raises `BadConfig` when nothing was trained, `DataRejected` when no holdout night can be used.
    """
    lake, registry = Lake(step.store, step.model), Registry()
    plan, trained = holdout_plan(lake, step.night), finished(step, "train")
    ledger = Ledger(step.store, step.model.name)
    state = sync_alias(registry, ledger)
    comparison = _compare(step, registry, ledger, state, plan, int(trained.detail["version"]))
    found = _promoted_upon(ledger, state, comparison.challenger) or _found(step, comparison, plan)
    if found is not None:
        return Outcome(summary=_summary(found), detail={**found, "reused": True})
    key = idempotency_key(step, f"{plan.digest} {comparison.numbers}")
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
    rows = examples(lake, comparison.nights)
    verdict = judge_versions(step.model, registry, comparison, rows, seed)
    names = {
        "comparison": _name(step, comparison),
        "model_code": catalog.digest_model(step.model.name),
        "idempotency_key": key,
    }
    record = {"inputs": inputs_of(lake, comparison.nights), "seed": seed, "reused": False}
    detail = _detail(step.model, comparison, verdict, rows) | names | record
    publish(step, registry, comparison.challenger, detail)
    return Outcome(summary=_summary(detail), detail=detail)


def _name(step: Step, comparison: Comparison) -> str:
    """Names a comparison whatever its holdout: night, code, definition and the two versions."""
    return idempotency_key(step, f"evaluate {comparison.numbers}")


def _promoted_upon(ledger: Ledger, state: ChampionState, version: Version) -> dict[str, Any] | None:
    """The verdict by which this challenger became champion. What was decided by it is not decided again."""
    for entry in find_entries(ledger, state, version_key(version.number)):
        if entry.kind == "promotion" and entry.champion is not None and is_same_version(version, entry.champion):
            number = entry.number
            log.info(
                "version %d was promoted on its verdict, in entry %d: it is not judged again", version.number, number
            )
            return dict(entry.verdict)
    return None


def _found(step: Step, comparison: Comparison, plan: Plan) -> dict[str, Any] | None:
    """The verdict of an earlier attempt, if all that it read still is as it was. More nights do not make it another."""
    before = step_results.load(step.store, step.model.name, step.night, "evaluate")
    if before is None or before.outcome != "done" or before.detail.get("comparison") != _name(step, comparison):
        return None
    if before.detail.get("run_id") != comparison.challenger.run_id:  # another version had this number
        return None
    read: dict[str, str] = before.detail["inputs"]
    if any(plan.inputs.get(uri) != digest for uri, digest in read.items()):
        return None
    known = {*before.detail["holdout_nights"], *(entry["night"] for entry in before.detail.get("joins", ()))}
    for night in comparison.nights:
        if night.isoformat() not in known:
            log.info("night %s became usable after the verdict, which stands as it was made without it", night)
    return before.detail


def _compare(
    step: Step, registry: Registry, ledger: Ledger, state: ChampionState, plan: Plan, number: int
) -> Comparison:
    name = step.model.name
    rival = find_champion_on(registry, ledger, state, step.night, without=number)
    challenger, champion = registry.version(name, number), rival.version if rival else None
    nights, seen_by = _unseen(plan.holdout.nights, (challenger, *([champion] if champion else [])))
    trusted = {number: trusted_of(step.model)}
    if champion is not None:
        trusted[champion.number] = read_trusted_types(step.model, ledger, state, champion)
    return Comparison(challenger, champion, rival.night if rival else None, nights, plan.left_out + seen_by, trusted)


def _unseen(nights: tuple[date, ...], versions: tuple[Version, ...]) -> tuple[tuple[date, ...], list[dict[str, str]]]:
    """The nights that no version was trained on; a definition with another window can make them overlap."""
    last = max((date.fromisoformat(v.tags[TRAINED_TO]) for v in versions if TRAINED_TO in v.tags), default=date.min)
    left = tuple(night for night in nights if night > last)
    if not left:
        raise DataRejected(f"no holdout night is later than {last}, the last one that a version was trained on")
    reason = f"a version of the comparison was trained up to {last}"
    return left, [{"night": night.isoformat(), "reason": reason} for night in nights if night <= last]


def _detail(model: Model, comparison: Comparison, verdict: Verdict, rows: Examples) -> dict[str, Any]:
    return {
        "verdict": verdict.as_dict(),
        "gate": asdict(model.gate),
        "task": model.task,
        "challenger_version": comparison.challenger.number,
        "champion_version": comparison.champion.number if comparison.champion else None,
        "champion_night": comparison.champion_night.isoformat() if comparison.champion_night else None,
        "holdout_nights": [night.isoformat() for night in rows.nights],
        "left_out": comparison.left_out + rows.left_out_as_json(),
        "joins": rows.joins_as_json(),
        "trusted": {str(number): list(types) for number, types in comparison.trusted.items()},
        "rows": len(rows.labels),
        "run_id": comparison.challenger.run_id,
    }


def _summary(detail: dict[str, Any]) -> str:
    decided = "wins" if detail["verdict"]["promote"] else "is refused"
    against = f"against champion {detail['champion_version']}" if detail["champion_version"] else "without a champion"
    return f"challenger {detail['challenger_version']} {decided} {against}: {detail['verdict']['reason']}"
