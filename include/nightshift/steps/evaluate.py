"""`evaluate`: lets challenger and champion score the same holdout rows, and stores the verdict. Green either way.

A verdict is found again as long as it is about the same two versions and everything that it read is unchanged and still
validated. One that the ledger promoted upon stands for good: the night is not judged again.

Stored detail: verdict, challenger_version, champion_version, champion_night, holdout_nights, left_out, joins (counts of
each night that was read), rows, run_id, trusted (the types that each version may contain, by number), gate (its
fields), task, inputs (the digest of every partition read, by URI), model_code (digest of the model's folder and
suites), duel (digest of the night, the code, the definition and the two versions), idempotency_key, seed, reused. With
gate, task, versions, holdout nights, inputs and seed the verdict can be computed again: `nightshift recheck`.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pandas as pd

import models
from nightshift.adapters import results
from nightshift.adapters.estimators import trusted_of
from nightshift.adapters.frames import Examples, examples
from nightshift.adapters.fresh import Answer, predict_fresh
from nightshift.adapters.lake import Lake
from nightshift.adapters.ledger import Ledger
from nightshift.adapters.predictions import Sample
from nightshift.adapters.registry_load import columns_for
from nightshift.adapters.registry_rest import LEDGER_ENTRY, SAMPLE, TRAINED_TO, Registry, Version
from nightshift.champion.court import court
from nightshift.champion.identity import crowning, same_version
from nightshift.champion.trusting import trusted_types
from nightshift.champion.vouching import number_in
from nightshift.core.gate import Holdout, Predicted, judge
from nightshift.core.verdict import Check, Verdict
from nightshift.definition import Model
from nightshift.errors import BadConfig, DataRejected
from nightshift.result import Outcome
from nightshift.steps import Step, idempotency_key
from nightshift.steps._finished import finished
from nightshift.steps._publish_verdict import publish
from nightshift.steps._window import Plan, holdout_plan, inputs_of

log = logging.getLogger("nightshift.evaluate")


@dataclass(frozen=True)
class Duel:
    """The two versions, the types each may contain, and the nights on which neither was trained."""

    challenger: Version
    champion: Version | None
    champion_night: date | None
    nights: tuple[date, ...]
    left_out: list[dict[str, str]]
    trusted: Mapping[int, tuple[str, ...]]

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions that take part."""
        return (self.challenger,) if self.champion is None else (self.challenger, self.champion)

    @property
    def numbers(self) -> list[int]:
        """Their numbers, the challenger's first."""
        return [version.number for version in self.versions]


def run(step: Step) -> Outcome:
    """Judges the night's challenger against the champion that reigned on that night.

    Raises `BadConfig` when nothing was trained, `DataRejected` when no holdout night can be used.
    """
    lake, registry = Lake(step.store, step.model), Registry()
    plan, trained = holdout_plan(lake, step.night), finished(step, "train")
    duel = _duel(step, registry, plan, int(trained.detail["version"]))
    found = _promoted_upon(step, duel) or _found(step, duel, plan)
    if found is not None:
        return Outcome(summary=_summary(found), detail={**found, "reused": True})
    key = idempotency_key(step, f"{plan.digest} {duel.numbers}")
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
    rows = examples(lake, duel.nights)
    verdict = judged(step.model, registry, duel, rows, seed)
    names = {"duel": _name(step, duel), "model_code": models.digest(step.model.name), "idempotency_key": key}
    record = {"inputs": inputs_of(lake, duel.nights), "seed": seed, "reused": False}
    detail = _detail(step.model, duel, verdict, rows) | names | record
    publish(step, registry, duel.challenger, detail)
    return Outcome(summary=_summary(detail), detail=detail)


def _name(step: Step, duel: Duel) -> str:
    """Names a comparison whatever its holdout: night, code, definition and the two versions."""
    return idempotency_key(step, f"evaluate {duel.numbers}")


def _promoted_upon(step: Step, duel: Duel) -> dict[str, Any] | None:
    """The verdict by which this challenger became champion. What was decided by it is not decided again.

    Its tag names the last entry that made it champion: the promotion is that one, or one that crowned before it.
    """
    ledger, version = Ledger(step.store, step.model.name), duel.challenger
    tagged = number_in(version.tags.get(LEDGER_ENTRY, ""))
    last = ledger.last() if tagged else None
    if last is None or tagged > last.number:
        return None
    crownings = (crowning(ledger, reign) for reign in ledger.reigns(ledger.entry(tagged)))
    promoted = (e for e in crownings if e.kind == "promotion" and e.version == version.number)
    entry = next((e for e in promoted if same_version(version, e)), None)
    if entry is None:
        return None
    log.info("version %d was promoted on its verdict, in entry %d: it is not judged again", entry.version, entry.number)
    return dict(entry.verdict)


def _found(step: Step, duel: Duel, plan: Plan) -> dict[str, Any] | None:
    """The verdict of an earlier attempt, if all that it read still is as it was. More nights do not make it another."""
    before = results.load(step.store, step.model.name, step.night, "evaluate")
    if before is None or before.outcome != "done" or before.detail.get("duel") != _name(step, duel):
        return None
    if before.detail.get("run_id") != duel.challenger.run_id:  # another version had this number
        return None
    read: dict[str, str] = before.detail["inputs"]
    if any(plan.inputs.get(uri) != digest for uri, digest in read.items()):
        return None
    known = {*before.detail["holdout_nights"], *(entry["night"] for entry in before.detail.get("joins", ()))}
    for night in duel.nights:
        if night.isoformat() not in known:
            log.info("night %s became usable after the verdict, which stands as it was made without it", night)
    return before.detail


def _duel(step: Step, registry: Registry, plan: Plan, number: int) -> Duel:
    name = step.model.name
    seen = court(registry, Ledger(step.store, name), name)
    if seen.by_hand:
        now = f"version {seen.champion.number}" if seen.champion else "nothing"
        log.info("the alias champion was moved by hand: it names %s, which the ledger does not know", now)
    rival = seen.reigning(step.night, without=number)
    challenger, champion = registry.version(name, number), rival.version if rival else None
    nights, seen_by = _unseen(plan.holdout.nights, (challenger, *([champion] if champion else [])))
    trusted = {number: trusted_of(step.model)}
    if champion is not None:
        trusted[champion.number] = trusted_types(step.model, Ledger(step.store, name), champion)
    return Duel(challenger, champion, rival.night if rival else None, nights, plan.left_out + seen_by, trusted)


def _unseen(nights: tuple[date, ...], versions: tuple[Version, ...]) -> tuple[tuple[date, ...], list[dict[str, str]]]:
    """The nights that no version was trained on; a definition with another window can make them overlap."""
    last = max((date.fromisoformat(v.tags[TRAINED_TO]) for v in versions if TRAINED_TO in v.tags), default=date.min)
    left = tuple(night for night in nights if night > last)
    if not left:
        raise DataRejected(f"no holdout night is later than {last}, the last one that a version was trained on")
    reason = f"a version of the comparison was trained up to {last}"
    return left, [{"night": night.isoformat(), "reason": reason} for night in nights if night <= last]


def judged(model: Model, registry: Registry, duel: Duel, rows: Examples, seed: int) -> Verdict:
    """The verdict of the model's gate on these rows, from predictions that a fresh process makes with both versions."""
    document = registry.attached(duel.challenger.run_id, SAMPLE)
    sample = Sample.parse(document or {"columns": [], "rows": [], "predictions": []})
    challenger, champion = _answers(model, registry, duel, rows, sample)
    checks = [_reloads(challenger, sample)]
    if champion is not None and champion.refused:
        checks.append(Check("comparable", False, _incomparable(model, duel, champion.refused)))
    holdout = Holdout(rows.labels, rows.night, rows.slices)
    nothing = rows.labels * float("nan")
    theirs = champion.predictions.get("holdout") if champion else None
    predicted = Predicted(challenger.predictions.get("holdout", nothing), theirs)
    return judge(model.gate, model.task, holdout, predicted, seed, checks)


def _answers(
    model: Model, registry: Registry, duel: Duel, rows: Examples, sample: Sample
) -> tuple[Answer, Answer | None]:
    """What each version says of the holdout, in its own columns, from a fresh process that loads both."""
    asked: dict[int, dict[str, pd.DataFrame]] = {}
    refused: dict[int, Answer] = {}
    for version in duel.versions:
        try:
            asked[version.number] = {"holdout": columns_for(registry, version, rows.features)}
        except (BadConfig, DataRejected) as error:
            refused[version.number] = Answer({}, str(error))
    if duel.challenger.number in asked:
        asked[duel.challenger.number]["sample"] = sample.features
    answers = refused | predict_fresh(model, asked, duel.trusted)
    return answers[duel.challenger.number], answers[duel.champion.number] if duel.champion else None


def _incomparable(model: Model, duel: Duel, why: str) -> str:
    """Says that nothing wins until a person acts, and how."""
    number = duel.champion.number if duel.champion else 0
    rollback = f"`nightshift rollback {model.name} previous --reason …` withdraws version {number}"
    alone = "where there is none before it, remove the alias champion in MLflow"
    return (
        f"the champion cannot be compared, so nothing can win: {why}. Bring back what it needs, or {rollback}; {alone}"
    )


def _reloads(answer: Answer, sample: Sample) -> Check:
    if answer.refused:
        return Check("reloads", False, f"the challenger does not load from the registry: {answer.refused}")
    same = len(sample.predictions) > 0 and sample.agrees(answer.predictions["sample"])
    said = "predicts the same as" if same else "does not predict the same as"
    return Check(
        "reloads", same, f"loaded in a fresh process it {said} before it was stored, {len(sample.predictions)} rows"
    )


def _detail(model: Model, duel: Duel, verdict: Verdict, rows: Examples) -> dict[str, Any]:
    return {
        "verdict": verdict.as_dict(),
        "gate": asdict(model.gate),
        "task": model.task,
        "challenger_version": duel.challenger.number,
        "champion_version": duel.champion.number if duel.champion else None,
        "champion_night": duel.champion_night.isoformat() if duel.champion_night else None,
        "holdout_nights": [night.isoformat() for night in rows.nights],
        "left_out": duel.left_out + rows.left_out_as_json(),
        "joins": rows.joins_as_json(),
        "trusted": {str(number): list(types) for number, types in duel.trusted.items()},
        "rows": len(rows.labels),
        "run_id": duel.challenger.run_id,
    }


def _summary(detail: dict[str, Any]) -> str:
    decided = "wins" if detail["verdict"]["promote"] else "is refused"
    against = f"against champion {detail['champion_version']}" if detail["champion_version"] else "without a champion"
    return f"challenger {detail['challenger_version']} {decided} {against}: {detail['verdict']['reason']}"
