"""The comparison of two versions on the same rows, and the verdict of the gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from nightshift.adapters.mlflow.load_version import select_columns
from nightshift.adapters.mlflow.registry import SAMPLE, Registry, Version
from nightshift.core.gate import Holdout, Predicted, judge
from nightshift.core.verdict import Check, Verdict
from nightshift.definition import Model
from nightshift.errors import BadConfig, DataRejected
from nightshift.modelling.examples import Examples
from nightshift.modelling.isolated_predict import Answer, predict_fresh
from nightshift.modelling.predict import Sample
from nightshift.result_parts import LeftOutNight


@dataclass(frozen=True)
class Comparison:
    """The two versions, the types each may contain, and the nights on which neither was trained."""

    challenger: Version
    champion: Version | None
    champion_night: date | None
    nights: tuple[date, ...]
    left_out: tuple[LeftOutNight, ...]
    trusted: Mapping[int, tuple[str, ...]]

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions that take part."""
        return (self.challenger,) if self.champion is None else (self.challenger, self.champion)

    @property
    def numbers(self) -> list[int]:
        """Their numbers, the challenger's first."""
        return [version.number for version in self.versions]


def judge_versions(model: Model, registry: Registry, comparison: Comparison, rows: Examples, seed: int) -> Verdict:
    """Returns the verdict of the model's gate on these rows. A fresh process makes the predictions of both versions."""
    document = registry.load_attachment(comparison.challenger.run_id, SAMPLE)
    sample = Sample.parse(document or {"columns": [], "rows": [], "predictions": []})
    challenger, champion = _predict_holdout(model, registry, comparison, rows, sample)
    checks = [_check_reload(challenger, sample)]
    if champion is not None and champion.refused:
        checks.append(Check("comparable", False, _describe_incomparable(model, comparison, champion.refused)))
    holdout = Holdout(rows.labels, rows.night, rows.slices)
    nothing = rows.labels * float("nan")
    champion_predictions = champion.predictions.get("holdout") if champion else None
    predicted = Predicted(challenger.predictions.get("holdout", nothing), champion_predictions)
    return judge(model.gate, model.task, holdout, predicted, seed, checks)


def _predict_holdout(
    model: Model, registry: Registry, comparison: Comparison, rows: Examples, sample: Sample
) -> tuple[Answer, Answer | None]:
    """What each version says of the holdout, in its own columns, from a fresh process that loads both."""
    requests: dict[int, dict[str, pd.DataFrame]] = {}
    refused: dict[int, Answer] = {}
    for version in comparison.versions:
        try:
            requests[version.number] = {"holdout": select_columns(registry, version, rows.features)}
        except (BadConfig, DataRejected) as error:
            refused[version.number] = Answer({}, str(error))
    if comparison.challenger.number in requests:
        requests[comparison.challenger.number]["sample"] = sample.features
    answers = refused | predict_fresh(model, requests, comparison.trusted)
    return answers[comparison.challenger.number], answers[comparison.champion.number] if comparison.champion else None


def _describe_incomparable(model: Model, comparison: Comparison, why: str) -> str:
    """Says that nothing wins until a person acts, and how."""
    number = comparison.champion.number if comparison.champion else 0
    withdraw = f"`nightshift set-champion {model.name} previous --reason …` withdraws version {number}"
    alone = "where there is none before it, write none instead of previous"
    return (
        f"the champion cannot be compared, so nothing can win: {why}. Bring back what it needs, or {withdraw}; {alone}"
    )


def _check_reload(answer: Answer, sample: Sample) -> Check:
    if answer.refused:
        return Check("reloads", False, f"the challenger does not load from the registry: {answer.refused}")
    same = len(sample.predictions) > 0 and sample.matches(answer.predictions["sample"])
    outcome = "predicts the same as" if same else "does not predict the same as"
    return Check(
        "reloads", same, f"loaded in a fresh process it {outcome} before it was stored, {len(sample.predictions)} rows"
    )
