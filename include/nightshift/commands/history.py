"""`nightshift history MODEL`: the ledger for people, and whether alias, ledger and registry agree."""

import argparse
import json
import logging
import sys
from collections.abc import Iterable, Sequence
from itertools import islice

from nightshift import catalog
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.adapters.s3.ledger_reading import read_all
from nightshift.context import read_model_context
from nightshift.errors import DONE, BadConfig, DataRejected, NightshiftError
from nightshift.model_card.sentences import clean_text
from nightshift.promotion.consistency import Finding, find_disagreements
from nightshift.stored_records import to_plain

log = logging.getLogger("nightshift.history")
HEAD = ("no.", "when (UTC)", "kind", "version", "night", "champion", "before", "who", "reason")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    try:
        return _run(arguments)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def _run(arguments: argparse.Namespace) -> int:
    if arguments.last is not None and arguments.last < 1:
        raise BadConfig(f"--last {arguments.last} is no number of entries: write at least 1")
    context = read_model_context(catalog.load_model(arguments.model).name)
    entries, findings = read_all(context.store, context.name).entries[::-1], find_disagreements(context)
    shown = tuple(islice(entries, arguments.last))
    sys.stdout.write(
        _build_document(context.name, shown, findings) if arguments.json else _format_text(arguments, shown, findings)
    )
    return DataRejected.exit_code if findings else DONE


def _build_document(model: str, entries: Sequence[Entry], findings: Sequence[Finding]) -> str:
    parts = {"model": model, "entries": to_plain(entries), "findings": to_plain(findings)}
    return json.dumps(parts, indent=1) + "\n"  # ASCII: what people wrote stays inside, escaped


def _format_text(arguments: argparse.Namespace, entries: Sequence[Entry], findings: Sequence[Finding]) -> str:
    listed = (
        ""
        if arguments.check
        else format_table([HEAD, *map(_build_row, entries)])
        if entries
        else "nothing was decided yet\n"
    )
    return listed + ("" if arguments.check else "\n") + format_check(findings)


def format_check(findings: Sequence[Finding]) -> str:
    """The check as lines for people."""
    if not findings:
        return "ledger, alias and registry agree\n"
    return "".join(f"{finding.code}: {clean_text(finding.sentence)}\n" for finding in findings)


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text, each column as wide as its widest cell, the last one as it comes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "".join(_format_line(row, widths) for row in rows)


def _format_line(row: Sequence[str], widths: Iterable[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*padded, row[-1]]) + "\n"


def _build_row(entry: Entry) -> tuple[str, ...]:
    cells = (
        str(entry.number),
        entry.when.replace("T", " ").removesuffix("+00:00"),
        f"{entry.kind} (unverified)" if entry.unverified else entry.kind,
        _format_version(entry.version),
        entry.night or "none",
        _format_version(entry.champion_version),
        _format_version(entry.previous_version),
        entry.decision.by if entry.decision and entry.decision.by else entry.cause.user or entry.cause.by,
        _format_reason(entry),
    )
    return tuple(map(clean_text, cells))


def _format_reason(entry: Entry) -> str:
    """The reason, and in brackets the words of the person who was asked, where the reason does not have them."""
    comment = entry.decision.reason if entry.decision else ""
    return entry.reason if comment in entry.reason else f"{entry.reason} ({comment})"


def _format_version(version: int | None) -> str:
    return "none" if version is None else str(version)
