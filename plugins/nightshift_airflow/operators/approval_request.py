"""The approval request for a promotion: the verdict's numbers as Markdown, made from the stored result alone.

Everything from the record is escaped: names of groups come from data, sentences from steps, and none of them may put a
link, a picture or a heading into the page of the person who decides.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from nightshift.errors import BadConfig
from nightshift.result import Result
from nightshift_airflow.page_paths import make_path

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
LONGEST_SENTENCE = 600
"""Characters of a sentence from the record."""
MOST_GROUPS = 40
MOST_NIGHTS = 20
READ_ERRORS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""The errors of reading a record that is not as `evaluate` leaves it: no nights, a value that is no finite number."""


@dataclass(frozen=True)
class ApprovalRequest:
    """A subject, a body in Markdown, and the digest of the verdict that both are about."""

    subject: str
    body: str
    about: str


def make_request(title: str, model: str, night: date, result: Result) -> ApprovalRequest:
    """Returns the request about the verdict in the result of `evaluate` for a model's night. `title` is the model's.

    Links are made from what the task knows, `model` and `night`, and never from the record. Raises `BadConfig` if the
    result lacks what a person must know, or has it in another form.
    """
    try:
        return _make_request(title, model, night, result.detail)
    except READ_ERRORS as error:
        raise _make_unreadable(model, night, error) from error


def find_refusal(model: str, night: date, result: Result) -> str | None:
    """Returns the gate's own refusal, after which there is nothing to approve; None if the challenger won.

    Raises as `make_request` does.
    """
    try:
        verdict = result.detail["verdict"]
        return None if verdict["promote"] else f"the gate refused, so there is nothing to approve: {verdict['reason']}"
    except READ_ERRORS as error:
        raise _make_unreadable(model, night, error) from error


def _make_unreadable(model: str, night: date, error: Exception) -> BadConfig:
    problem = f"the result of evaluate for {model} {night} cannot be read ({type(error).__name__})"
    return BadConfig(f"{problem}: clear evaluate, and what follows runs again")


def escape_text(text: object) -> str:
    """Returns a text of the record as Markdown that shows it letter by letter, in one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    shown = line if len(line) <= LONGEST_SENTENCE else f"{line[:LONGEST_SENTENCE]}…"
    return PUNCTUATION.sub(r"\\\1", shown)


def _make_request(title: str, model: str, night: date, detail: Mapping[str, Any]) -> ApprovalRequest:
    # It reaches boto3, which no DAG file may load when it is parsed.
    from nightshift.promotion.approval import digest_record

    new, old = int(detail["challenger_version"]), detail["champion_version"]
    effect = f"replace champion {int(old)}" if old is not None else "become the first champion"
    versions, links = _write_versions(title, night, detail), _write_links(model, night, new)
    parts = (versions, _write_metrics(detail), _write_checks(detail), _write_groups(detail), _write_data(detail), links)
    return ApprovalRequest(
        subject=f"{model} {night}: may version {new} {effect}?",
        body="\n\n".join(part for part in parts if part),
        about=digest_record(detail),
    )


def _write_versions(title: str, night: date, detail: Mapping[str, Any]) -> str:
    against = "There is no champion to beat."
    if detail["champion_version"] is not None:
        against = (
            f"Champion: version {int(detail['champion_version'])}, trained for {escape_text(detail['champion_night'])}."
        )
    return (
        f"**{escape_text(title)}**, night {night}. Challenger: version {int(detail['challenger_version'])}."
        f" {against} The gate allows the promotion; it happens only if you approve. No answer in time is a refusal."
    )


def _write_metrics(detail: Mapping[str, Any]) -> str:
    verdict = detail["verdict"]
    rows = [("challenger", _format_figure(verdict["challenger"])), ("champion", _format_figure(verdict["champion"]))]
    rows.append(("gain", _format_signed(verdict["gain"])))
    if verdict["interval"]:
        low, high = verdict["interval"]
        confidence = f"{100 * verdict['confidence']:.4g} %"
        rows.append(
            (f"gain, bounds each at {confidence} confidence", f"{_format_signed(low)} to {_format_signed(high)}")
        )
        rows.append(("gain that is needed: the lower bound above", _format_signed(verdict["min_gain"])))
    head = f"| {escape_text(verdict['metric'])} | |\n|---|---:|"
    return "\n".join((head, *(f"| {name} | {value} |" for name, value in rows)))


def _write_checks(detail: Mapping[str, Any]) -> str:
    mark = {True: "passed", False: "**failed**"}
    checks = detail["verdict"]["checks"]
    return "\n".join(f"* {mark[bool(check['passed'])]}: {escape_text(check['sentence'])}" for check in checks)


def _write_groups(detail: Mapping[str, Any]) -> str:
    groups = detail["verdict"]["slices"]
    if not groups:
        return ""
    lines = [
        f"| {escape_text(group['slice'])} {escape_text(group['group'])} | {int(group['rows'])}"
        f" | {_format_signed(group['gain'])} | {_format_bounds(group)} |"
        for group in groups[:MOST_GROUPS]
    ]
    more = [f"\n… and {len(groups) - MOST_GROUPS} groups more."] if len(groups) > MOST_GROUPS else []
    return "\n".join(("| group | rows | gain | bounds |\n|---|---:|---:|---:|", *lines, *more))


def _write_data(detail: Mapping[str, Any]) -> str:
    nights = [escape_text(night) for night in detail["holdout_nights"]]
    compared = f"Compared on {int(detail['rows'])} rows of {len(nights)} nights, {nights[0]} to {nights[-1]}."
    return "\n".join((compared, *_write_left_out(detail["left_out"])))


def _write_left_out(left_out: list[Mapping[str, Any]]) -> Iterator[str]:
    if not left_out:
        return
    yield f"Left out ({len(left_out)}):\n"
    for entry in left_out[:MOST_NIGHTS]:
        yield f"* {escape_text(entry['night'])}: {escape_text(entry['reason'])}"
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


def _format_bounds(group: Mapping[str, Any]) -> str:
    if group["gain"] is None:
        return "too little to decide"
    return f"{_format_signed(group['low'])} to {_format_signed(group['high'])}"


def _format_figure(value: float | None) -> str:
    return "—" if value is None else f"{float(value):.4f}"


def _format_signed(value: float | None) -> str:
    return "—" if value is None else f"{float(value):+.4f}"
