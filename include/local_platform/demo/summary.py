"""Prints the summary of the demo: how each night ended and why, and the pages to look at."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from local_platform.demo.night_plan import Plan
from local_platform.demo.night_results import Ending, Night
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from nightshift import catalog
from nightshift.core.verdict import Verdict
from nightshift.results import EvaluateResult, ScoreResult

WIDTH = 100
METRICS = {
    "log_loss": "log loss, lower is better",
    "brier": "Brier score, lower is better",
    "rmse": "RMSE, lower is better",
    "mae": "MAE, lower is better",
    "roc_auc": "ROC AUC, higher is better",
    "average_precision": "average precision, higher is better",
}
COLOURS: dict[Ending, str] = {"promoted": "green", "refused": "yellow", "blocked": "red"}
COLUMNS = "{night:<11}{data:<24}{challenger:<14}{champion:<14}{gain:<29}{scored:>7}"
ENDS = "`make down` ends it."


def show_summary(platform: Platform, plan: Plan, ended: Sequence[Night], progress: Progress, seconds: float) -> int:
    """Prints the summary. Returns 0 when the nights ended as expected, else 1, after saying which did not."""
    console = Console(width=WIDTH, highlight=False, file=progress.console.file)
    console.print(f"\n[bold]{escape(catalog.load_model(plan.model).title)}: how {len(ended)} nights ended[/]")
    console.print(f"[dim]{_describe_metric(ended)}[/]\n")
    console.print(Text(_format_titles(), style="dim"), soft_wrap=True)
    for night in ended:
        _show_night(console, night)
    _show_addresses(console, platform, plan, ended)
    problems = find_unexpected_endings(plan, ended)
    for sentence in problems:
        console.print(f"[red]✗[/] {escape(sentence)}")
    if not problems:
        console.print(
            f"[green]✓[/] Every night ended as it should, in {_format_duration(seconds)}. Everything stays up; {ENDS}"
        )
    return 1 if problems else 0


def find_unexpected_endings(plan: Plan, ended: Sequence[Night]) -> list[str]:
    """Returns a sentence for each night that did not end as expected."""
    problems = [f"night {n.night} ended as {n.ending}: {n.reason}" for n in ended if not n.finished]
    for night in ended:
        if night.finished and (night.ending == "blocked") != (night.night == plan.corrupted):
            expected = "be blocked" if night.night == plan.corrupted else "run"
            problems.append(f"night {night.night} was to {expected} and ended as {night.ending}: {night.reason}")
    endings = {night.ending for night in ended}
    return problems + [
        f"no night was {ending}" for ending in ("promoted", "refused", "blocked") if ending not in endings
    ]


def _describe_metric(ended: Sequence[Night]) -> str:
    """Returns the line that explains the numbers."""
    evaluated = [result for night in ended if (result := night.find_detail(EvaluateResult))]
    if not evaluated:
        return "no night was evaluated"
    metric, days = evaluated[-1].verdict.metric, len(evaluated[-1].holdout_nights)
    return f"{METRICS.get(metric, metric)}; on the {days} days up to each night, from which neither model has learnt"


def _format_titles() -> str:
    titles = ("night", "data", "challenger", "champion", "gain and its interval", "scored")
    return COLUMNS.format(
        **dict(zip(("night", "data", "challenger", "champion", "gain", "scored"), titles, strict=True))
    )


def _show_night(console: Console, night: Night) -> None:
    console.print(Text(_format_numbers(night)), soft_wrap=True)
    colour = COLOURS.get(night.ending, "red")
    console.print(Padding(f"[{colour} bold]{night.ending.upper()}[/] {escape(night.reason)}", (0, 0, 0, 11)))


def _format_numbers(night: Night) -> str:
    evaluated, scored = night.find_detail(EvaluateResult), night.find_detail(ScoreResult)
    verdict = evaluated.verdict if evaluated else None
    return COLUMNS.format(
        night=night.night.isoformat(),
        data=_format_data(night),
        challenger=_format_model(evaluated.challenger_version, evaluated.verdict.challenger) if evaluated else "–",
        champion=_format_model(evaluated.champion_version, evaluated.verdict.champion) if evaluated else "–",
        gain=_format_gain(verdict),
        scored="–" if scored is None else f"{scored.rows:,}",
    )


def _format_data(night: Night) -> str:
    checks, failed = sum(d.expectations for d in night.datasets), sum(d.failed for d in night.datasets)
    return f"{failed} of {checks} checks failed" if failed else f"{checks} checks passed"


def _format_model(version: int | None, value: float | None) -> str:
    return "–" if version is None or value is None else f"v{version}  {value:.4f}"


def _format_gain(verdict: Verdict | None) -> str:
    if verdict is None or verdict.gain is None or verdict.interval is None:
        return "–"
    low, high = verdict.interval
    return f"{verdict.gain:+.4f}  [{low:+.4f}, {high:+.4f}]"


def _show_addresses(console: Console, platform: Platform, plan: Plan, ended: Sequence[Night]) -> None:
    airflow, key = platform.airflow.url, platform.settings
    rows = [
        ("Airflow", f"{airflow}/dags/{plan.model}_nightly", f"admin    {key.admin_password}"),
        ("Data Docs", f"{airflow}/nightshift/docs", f"analyst  {key.analyst_password}"),
        ("MLflow", platform.airflow.mlflow_url, ""),
        ("promotions", f"{airflow}/nightshift/history/{plan.model}", ""),
    ]
    pages = {"refused": ("a refusal", "runs", "/evaluate"), "blocked": ("the block", "docs", "")}
    for ending, (name, kind, page) in pages.items():
        matching = [night for night in ended if night.ending == ending]
        rows += [(name, f"{airflow}/nightshift/{kind}/{plan.model}/{n.night}{page}", "") for n in matching[-1:]]
    console.print(Text(f"\n{'look at':<12}{'':<63}user     password", style="dim"), soft_wrap=True)
    for name, url, note in rows:
        console.print(f"{name:<12}{url:<63}{escape(note)}", soft_wrap=True)
    console.print()


def _format_duration(seconds: float) -> str:
    return f"{int(seconds // 60)} min {int(seconds % 60)} s" if seconds >= 60 else f"{seconds:.1f} s"
