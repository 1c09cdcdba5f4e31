"""What a person is asked before a promotion: the verdict's numbers as Markdown, made from the stored result alone.

Everything from the record is escaped: names of groups come from data, sentences from steps, and none of them may draw
a link, a picture or a heading into the page of whoever decides.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from nightshift.errors import BadConfig
from nightshift.result import Result
from nightshift_airflow.links import path

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
LONGEST = 600
"""Characters of a sentence from the record."""
MOST_GROUPS = 40
MOST_NIGHTS = 20
BROKEN = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""How reading a record fails that is not as `evaluate` leaves it: no nights, a number that is none or is infinite."""


@dataclass(frozen=True)
class Question:
    """A subject, a body in Markdown, and the digest of the verdict that both are about."""

    subject: str
    body: str
    about: str


def of(title: str, model: str, night: date, result: Result) -> Question:
    """The question about the verdict in the result of `evaluate` for a model's night. `title` is the model's.

    Links are made from what the task knows, `model` and `night`, and never from the record.

    Raises `BadConfig` when the result lacks what a person must know, or has it in another form.
    """
    try:
        return _question(title, model, night, result.detail)
    except BROKEN as error:
        raise _unreadable(model, night, error) from error


def refusal(model: str, night: date, result: Result) -> str | None:
    """Why there is nothing to ask: the gate's own refusal. None when the challenger won. Raises as `of` does."""
    try:
        verdict = result.detail["verdict"]
        return None if verdict["promote"] else f"the gate refused, so there is nothing to approve: {verdict['reason']}"
    except BROKEN as error:
        raise _unreadable(model, night, error) from error


def _unreadable(model: str, night: date, error: Exception) -> BadConfig:
    lacks = f"the result of evaluate for {model} {night} cannot be read ({type(error).__name__})"
    return BadConfig(f"{lacks}: clear evaluate, and what follows runs again")


def plain(text: object) -> str:
    """Text of the record as Markdown that shows it letter by letter, in one line."""
    line = " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())
    shown = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
    return PUNCTUATION.sub(r"\\\1", shown)


def _question(title: str, model: str, night: date, detail: Mapping[str, Any]) -> Question:
    from nightshift.promotion.approval import (
        digest_record,  # reaches boto3, which no DAG file may load when it is parsed
    )

    new, old = int(detail["challenger_version"]), detail["champion_version"]
    over = f"replace champion {int(old)}" if old is not None else "become the first champion"
    who, links = _who(title, night, detail), _links(model, night, new)
    parts = (who, _numbers(detail), _checks(detail), _groups(detail), _data(detail), links)
    return Question(
        subject=f"{model} {night}: may version {new} {over}?",
        body="\n\n".join(part for part in parts if part),
        about=digest_record(detail),
    )


def _who(title: str, night: date, detail: Mapping[str, Any]) -> str:
    against = "There is no champion to beat."
    if detail["champion_version"] is not None:
        against = f"Champion: version {int(detail['champion_version'])}, trained for {plain(detail['champion_night'])}."
    return (
        f"**{plain(title)}**, night {night}. Challenger: version {int(detail['challenger_version'])}."
        f" {against} The gate allows the promotion; it happens only if you approve. No answer in time is a refusal."
    )


def _numbers(detail: Mapping[str, Any]) -> str:
    verdict = detail["verdict"]
    rows = [("challenger", _figure(verdict["challenger"])), ("champion", _figure(verdict["champion"]))]
    rows.append(("gain", _signed(verdict["gain"])))
    if verdict["interval"]:
        low, high = verdict["interval"]
        sure = f"{100 * verdict['confidence']:.4g} %"
        rows.append((f"gain, bounds each at {sure} confidence", f"{_signed(low)} to {_signed(high)}"))
        rows.append(("gain that is needed: the lower bound above", _signed(verdict["min_gain"])))
    head = f"| {plain(verdict['metric'])} | |\n|---|---:|"
    return "\n".join((head, *(f"| {name} | {value} |" for name, value in rows)))


def _checks(detail: Mapping[str, Any]) -> str:
    mark = {True: "passed", False: "**failed**"}
    checks = detail["verdict"]["checks"]
    return "\n".join(f"* {mark[bool(one['passed'])]}: {plain(one['sentence'])}" for one in checks)


def _groups(detail: Mapping[str, Any]) -> str:
    groups = detail["verdict"]["slices"]
    if not groups:
        return ""
    lines = [
        f"| {plain(one['slice'])} {plain(one['group'])} | {int(one['rows'])} | {_signed(one['gain'])}"
        f" | {_bounds(one)} |"
        for one in groups[:MOST_GROUPS]
    ]
    more = [f"\n… and {len(groups) - MOST_GROUPS} groups more."] if len(groups) > MOST_GROUPS else []
    return "\n".join(("| group | rows | gain | bounds |\n|---|---:|---:|---:|", *lines, *more))


def _data(detail: Mapping[str, Any]) -> str:
    nights = [plain(night) for night in detail["holdout_nights"]]
    compared = f"Compared on {int(detail['rows'])} rows of {len(nights)} nights, {nights[0]} to {nights[-1]}."
    return "\n".join((compared, *_left_out(detail["left_out"])))


def _left_out(left: list[Mapping[str, Any]]) -> Iterator[str]:
    if not left:
        return
    yield f"Left out ({len(left)}):\n"
    for one in left[:MOST_NIGHTS]:
        yield f"* {plain(one['night'])}: {plain(one['reason'])}"
    if len(left) > MOST_NIGHTS:
        yield f"* … and {len(left) - MOST_NIGHTS} more"


def _links(model: str, night: date, version: int) -> str:
    places = {
        "The whole verdict": path("runs", model, str(night), "evaluate"),
        "Story of the version": path("versions", model, str(version)),
        "MLflow run": path("mlflow", model, str(night)),
        "Data Docs": path("docs", model, str(night)),
        "History": path("history", model),
    }
    return " · ".join(f"[{name}]({where})" for name, where in places.items())


def _bounds(group: Mapping[str, Any]) -> str:
    if group["gain"] is None:
        return "too little to decide"
    return f"{_signed(group['low'])} to {_signed(group['high'])}"


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{float(value):.4f}"


def _signed(value: float | None) -> str:
    return "—" if value is None else f"{float(value):+.4f}"
