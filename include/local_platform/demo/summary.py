"""What a person reads at the end of the demo: how each night ended and why, and where to look."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

import models
from local_platform.demo.night_plan import Plan
from local_platform.demo.night_results import Ending, Night
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress

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


def show(platform: Platform, plan: Plan, ended: Sequence[Night], progress: Progress, seconds: float) -> int:
    """Prints the summary. Returns 0 when the nights ended as they should, 1 when not, after saying which did not."""
    console = Console(width=WIDTH, highlight=False, file=progress.console.file)
    console.print(f"\n[bold]{escape(models.load(plan.model).title)}: how {len(ended)} nights ended[/]")
    console.print(f"[dim]{_measure(ended)}[/]\n")
    console.print(Text(_titles(), style="dim"), soft_wrap=True)
    for night in ended:
        _night(console, night)
    _where(console, platform, plan, ended)
    wrong = unexpected(plan, ended)
    for sentence in wrong:
        console.print(f"[red]✗[/] {escape(sentence)}")
    if not wrong:
        console.print(
            f"[green]✓[/] Every night ended as it should, in {_duration(seconds)}. Everything stays up; {ENDS}"
        )
    return 1 if wrong else 0


def unexpected(plan: Plan, ended: Sequence[Night]) -> list[str]:
    """What did not end as the demo promises, one sentence each."""
    wrong = [f"night {n.night} ended as {n.ending}: {n.why}" for n in ended if not n.finished]
    for night in ended:
        if night.finished and (night.ending == "blocked") != (night.night == plan.planted):
            wanted = "be blocked" if night.night == plan.planted else "run"
            wrong.append(f"night {night.night} was to {wanted} and ended as {night.ending}: {night.why}")
    endings = {night.ending for night in ended}
    return wrong + [f"no night was {ending}" for ending in ("promoted", "refused", "blocked") if ending not in endings]


def _measure(ended: Sequence[Night]) -> str:
    """What the numbers are."""
    evaluated = [night.detail("evaluate") for night in ended if "verdict" in night.detail("evaluate")]
    if not evaluated:
        return "no night was evaluated"
    metric, days = evaluated[-1]["verdict"]["metric"], len(evaluated[-1]["holdout_nights"])
    return f"{METRICS.get(metric, metric)}; on the {days} days up to each night, from which neither model has learnt"


def _titles() -> str:
    titles = ("night", "data", "challenger", "champion", "gain and its interval", "scored")
    return COLUMNS.format(
        **dict(zip(("night", "data", "challenger", "champion", "gain", "scored"), titles, strict=True))
    )


def _night(console: Console, night: Night) -> None:
    console.print(Text(_numbers(night)), soft_wrap=True)
    colour = COLOURS.get(night.ending, "red")
    console.print(Padding(f"[{colour} bold]{night.ending.upper()}[/] {escape(night.why)}", (0, 0, 0, 11)))


def _numbers(night: Night) -> str:
    evaluated, verdict = night.detail("evaluate"), night.detail("evaluate").get("verdict", {})
    rows = night.detail("score").get("rows")
    return COLUMNS.format(
        night=night.night.isoformat(),
        data=_data(night),
        challenger=_model(evaluated.get("challenger_version"), verdict.get("challenger")),
        champion=_model(evaluated.get("champion_version"), verdict.get("champion")),
        gain=_gain(verdict),
        scored="–" if rows is None else f"{rows:,}",
    )


def _data(night: Night) -> str:
    datasets = night.detail("validate").get("datasets", [])
    checks, failed = sum(d["expectations"] for d in datasets), sum(d["failed"] for d in datasets)
    return f"{failed} of {checks} checks failed" if failed else f"{checks} checks passed"


def _model(version: int | None, value: float | None) -> str:
    return "–" if version is None or value is None else f"v{version}  {value:.4f}"


def _gain(verdict: dict[str, Any]) -> str:
    gain, interval = verdict.get("gain"), verdict.get("interval")
    if gain is None or interval is None:
        return "–"
    return f"{gain:+.4f}  [{interval[0]:+.4f}, {interval[1]:+.4f}]"


def _where(console: Console, platform: Platform, plan: Plan, ended: Sequence[Night]) -> None:
    airflow, key = platform.airflow.url, platform.settings
    rows = [
        ("Airflow", f"{airflow}/dags/{plan.model}_nightly", f"admin    {key.admin_password}"),
        ("Data Docs", f"{airflow}/nightshift/docs", f"analyst  {key.analyst_password}"),
        ("MLflow", platform.airflow.mlflow_url, ""),
        ("promotions", f"{airflow}/nightshift/history/{plan.model}", ""),
    ]
    pages = {"refused": ("a refusal", "runs", "/evaluate"), "blocked": ("the block", "docs", "")}
    for ending, (name, kind, page) in pages.items():
        found = [night for night in ended if night.ending == ending]
        rows += [(name, f"{airflow}/nightshift/{kind}/{plan.model}/{n.night}{page}", "") for n in found[-1:]]
    console.print(Text(f"\n{'look at':<12}{'':<63}user     password", style="dim"), soft_wrap=True)
    for name, url, note in rows:
        console.print(f"{name:<12}{url:<63}{escape(note)}", soft_wrap=True)
    console.print()


def _duration(seconds: float) -> str:
    return f"{int(seconds // 60)} min {int(seconds % 60)} s" if seconds >= 60 else f"{seconds:.1f} s"
