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
from nightshift.model_card.sentences import printable
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
    entries, found = read_all(context.store, context.name).entries[::-1], find_disagreements(context)
    shown = tuple(islice(entries, arguments.last))
    sys.stdout.write(_document(context.name, shown, found) if arguments.json else _text(arguments, shown, found))
    return DataRejected.exit_code if found else DONE


def _document(model: str, entries: Sequence[Entry], found: Sequence[Finding]) -> str:
    parts = {"model": model, "entries": to_plain(entries), "findings": to_plain(found)}
    return json.dumps(parts, indent=1) + "\n"  # ASCII: what people wrote stays inside, escaped


def _text(arguments: argparse.Namespace, entries: Sequence[Entry], found: Sequence[Finding]) -> str:
    listed = "" if arguments.check else table([HEAD, *map(_row, entries)]) if entries else "nothing was decided yet\n"
    return listed + ("" if arguments.check else "\n") + checked(found)


def checked(found: Sequence[Finding]) -> str:
    """The check as lines for people."""
    if not found:
        return "ledger, alias and registry agree\n"
    return "".join(f"{one.code}: {printable(one.sentence)}\n" for one in found)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text, each column as wide as its widest cell, the last one as it comes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Iterable[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*padded, row[-1]]) + "\n"


def _row(entry: Entry) -> tuple[str, ...]:
    cells = (
        str(entry.number),
        entry.when.replace("T", " ").removesuffix("+00:00"),
        f"{entry.kind} (unverified)" if entry.unverified else entry.kind,
        _or_none(entry.version),
        entry.night or "none",
        _or_none(entry.champion_version),
        _or_none(entry.previous_version),
        entry.decision.by if entry.decision and entry.decision.by else entry.cause.user or entry.cause.by,
        _why(entry),
    )
    return tuple(map(printable, cells))


def _why(entry: Entry) -> str:
    """The reason, and in brackets the words of the person who was asked, where the reason does not have them."""
    said = entry.decision.reason if entry.decision else ""
    return entry.reason if said in entry.reason else f"{entry.reason} ({said})"


def _or_none(version: int | None) -> str:
    return "none" if version is None else str(version)
