"""Where a verdict goes besides its result: to the challenger's run as numbers and a picture, to its version as tags."""

from nightshift.adapters.mlflow.registry import Version
from nightshift.adapters.s3.object_store import to_json
from nightshift.context import Context
from nightshift.core.verdict import Verdict
from nightshift.modelling import plots
from nightshift.results import EvaluateResult
from nightshift.stored_records import to_plain

MOST_CHARACTERS = 500


def publish(context: Context, challenger: Version, result: EvaluateResult) -> None:
    """Stores the verdict in MLflow, over that of an earlier attempt. Raises `TryLater` when MLflow fails."""
    registry = context.registry
    registry.attach(challenger.run_id, "verdict.json", to_json(to_plain(result)))
    if result.verdict.interval is not None:
        picture = plots.draw_verdict(result.verdict, result.rows, _format_title(context, result))
        registry.attach(challenger.run_id, "pictures/verdict.png", picture)
    registry.measure(challenger.run_id, _collect_metrics(result.verdict))
    registry.tag_version(challenger, _build_tags(result))


def _format_title(context: Context, result: EvaluateResult) -> str:
    decided = "wins" if result.verdict.promote else "refused"
    who = f"version {result.challenger_version} against champion {result.champion_version}"
    return f"{context.model.name} {context.night}: {who}: {decided}"


def _collect_metrics(verdict: Verdict) -> dict[str, float]:
    low, high = verdict.interval or (None, None)
    numbers = {"gain": verdict.gain, "gain_low": low, "gain_high": high, "champion_metric": verdict.champion}
    return {f"gate_{name}": value for name, value in numbers.items() if value is not None}


def _build_tags(result: EvaluateResult) -> dict[str, str]:
    champion = result.champion_version
    return {
        "nightshift.verdict": "promote" if result.verdict.promote else "refuse",
        "nightshift.verdict_reason": result.verdict.reason[:MOST_CHARACTERS],
        "nightshift.compared_with": "none" if champion is None else str(champion),
    }
