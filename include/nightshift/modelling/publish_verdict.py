"""Where a verdict goes besides its result: to the challenger's run as numbers and a picture, to its version as tags."""

from typing import Any

from nightshift.adapters.mlflow.registry import Registry, Version
from nightshift.adapters.s3.object_store import as_json
from nightshift.context import Step
from nightshift.modelling import plots

MOST_CHARACTERS = 500


def publish(step: Step, registry: Registry, challenger: Version, detail: dict[str, Any]) -> None:
    """Stores the verdict in MLflow, over that of an earlier attempt. Raises `TryLater` when MLflow fails."""
    registry.attach(challenger.run_id, "verdict.json", as_json(detail))
    if detail["verdict"]["interval"] is not None:
        title = _title(step, detail)
        picture = plots.verdict(detail["verdict"] | {"rows": detail["rows"]}, title)
        registry.attach(challenger.run_id, "pictures/verdict.png", picture)
    registry.measure(challenger.run_id, _numbers(detail["verdict"]))
    registry.tag(challenger, _tags(detail))


def _title(step: Step, detail: dict[str, Any]) -> str:
    decided = "wins" if detail["verdict"]["promote"] else "refused"
    who = f"version {detail['challenger_version']} against champion {detail['champion_version']}"
    return f"{step.model.name} {step.night}: {who}: {decided}"


def _numbers(verdict: dict[str, Any]) -> dict[str, float]:
    low, high = verdict["interval"] or (None, None)
    numbers = {"gain": verdict["gain"], "gain_low": low, "gain_high": high, "champion_metric": verdict["champion"]}
    return {f"gate_{name}": value for name, value in numbers.items() if value is not None}


def _tags(detail: dict[str, Any]) -> dict[str, str]:
    champion = detail["champion_version"]
    return {
        "nightshift.verdict": "promote" if detail["verdict"]["promote"] else "refuse",
        "nightshift.verdict_reason": detail["verdict"]["reason"][:MOST_CHARACTERS],
        "nightshift.compared_with": "none" if champion is None else str(champion),
    }
