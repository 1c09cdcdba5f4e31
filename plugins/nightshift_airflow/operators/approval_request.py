"""The approval request for a promotion: the verdict's numbers as Markdown, made from the stored result alone.

Everything from the record is escaped: names of groups come from data, sentences from steps, and none of them may put a
link, a picture or a heading into the page of the person who decides.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from nightshift.core.verdict import Check, SliceGain, Verdict
from nightshift.result_parts import LeftOutNight
from nightshift.results import EvaluateResult
from nightshift_airflow.page_paths import make_path

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
LONGEST_SENTENCE = 600
"""Characters of a sentence from the record."""
MOST_GROUPS = 40
MOST_NIGHTS = 20


@dataclass(frozen=True)
class ApprovalRequest:
    """A subject, a body in Markdown, and the digest of the verdict that both are about."""

    subject: str
    body: str
    about: str


def find_refusal(result: EvaluateResult) -> str | None:
    """Returns the gate's own refusal, after which there is nothing to approve; None if the challenger won."""
    verdict = result.verdict
    return None if verdict.promote else f"the gate refused, so there is nothing to approve: {verdict.reason}"


def escape_text(text: object) -> str:
    """Returns a text of the record as Markdown that shows it letter by letter, in one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    shown = line if len(line) <= LONGEST_SENTENCE else f"{line[:LONGEST_SENTENCE]}…"
    return PUNCTUATION.sub(r"\\\1", shown)


def make_request(title: str, model: str, night: date, result: EvaluateResult) -> ApprovalRequest:
    """Returns the request about what `evaluate` left behind for a model's night. `title` is the model's.

    Links are made from what the task knows, `model` and `night`, and never from the record.
    """
    # It reaches boto3, which no DAG file may load when it is parsed.
    from nightshift.promotion.approval import digest_record

    new, old = result.challenger_version, result.champion_version
    effect = f"replace champion {old}" if old is not None else "become the first champion"
    versions, links = _write_versions(title, night, result), _write_links(model, night, new)
    metrics, checks = _write_metrics(result.verdict), _write_checks(result.verdict.checks)
    parts = (versions, metrics, checks, _write_groups(result.verdict.slices), _write_data(result), links)
    return ApprovalRequest(
        subject=f"{model} {night}: may version {new} {effect}?",
        body="\n\n".join(part for part in parts if part),
        about=digest_record(result),
    )


def _write_versions(title: str, night: date, result: EvaluateResult) -> str:
    against = "There is no champion to beat."
    if result.champion_version is not None:
        trained_for = escape_text(result.champion_night or "an unknown night")
        against = f"Champion: version {result.champion_version}, trained for {trained_for}."
    return (
        f"**{escape_text(title)}**, night {night}. Challenger: version {result.challenger_version}."
        f" {against} The gate allows the promotion; it happens only if you approve. No answer in time is a refusal."
    )


def _write_metrics(verdict: Verdict) -> str:
    rows = [("challenger", _format_figure(verdict.challenger)), ("champion", _format_figure(verdict.champion))]
    rows.append(("gain", _format_signed(verdict.gain)))
    if verdict.interval:
        low, high = verdict.interval
        confidence = f"{100 * verdict.confidence:.4g} %"
        rows.append(
            (f"gain, bounds each at {confidence} confidence", f"{_format_signed(low)} to {_format_signed(high)}")
        )
        rows.append(("gain that is needed: the lower bound above", _format_signed(verdict.min_gain)))
    head = f"| {escape_text(verdict.metric)} | |\n|---|---:|"
    return "\n".join((head, *(f"| {name} | {value} |" for name, value in rows)))


def _write_checks(checks: Sequence[Check]) -> str:
    mark = {True: "passed", False: "**failed**"}
    return "\n".join(f"* {mark[check.passed]}: {escape_text(check.sentence)}" for check in checks)


def _write_groups(groups: Sequence[SliceGain]) -> str:
    if not groups:
        return ""
    lines = [
        f"| {escape_text(group.slice)} {escape_text(group.group)} | {group.rows}"
        f" | {_format_signed(group.gain)} | {_format_bounds(group)} |"
        for group in groups[:MOST_GROUPS]
    ]
    more = [f"\n… and {len(groups) - MOST_GROUPS} groups more."] if len(groups) > MOST_GROUPS else []
    return "\n".join(("| group | rows | gain | bounds |\n|---|---:|---:|---:|", *lines, *more))


def _write_data(result: EvaluateResult) -> str:
    nights = [escape_text(night) for night in result.holdout_nights]
    span = f", {nights[0]} to {nights[-1]}" if nights else ""
    compared = f"Compared on {result.rows} rows of {len(nights)} nights{span}."
    return "\n".join((compared, *_write_left_out(result.left_out)))


def _write_left_out(left_out: Sequence[LeftOutNight]) -> Iterator[str]:
    if not left_out:
        return
    yield f"Left out ({len(left_out)}):\n"
    for entry in left_out[:MOST_NIGHTS]:
        yield f"* {escape_text(entry.night)}: {escape_text(entry.reason)}"
    if len(left_out) > MOST_NIGHTS:
        yield f"* … and {len(left_out) - MOST_NIGHTS} more"


def _write_links(model: str, night: date, version: int) -> str:
    paths = {
        "The whole verdict": make_path("runs", model, str(night), "evaluate"),
        "Model card of the version": make_path("versions", model, str(version)),
        "MLflow run": make_path("mlflow", model, str(night)),
        "Data Docs": make_path("docs", model, str(night)),
        "History": make_path("history", model),
    }
    return " · ".join(f"[{name}]({path})" for name, path in paths.items())


def _format_bounds(group: SliceGain) -> str:
    if group.gain is None:
        return "too little to decide"
    return f"{_format_signed(group.low)} to {_format_signed(group.high)}"


def _format_figure(value: float | None) -> str:
    return "—" if value is None else f"{float(value):.4f}"


def _format_signed(value: float | None) -> str:
    return "—" if value is None else f"{float(value):+.4f}"
