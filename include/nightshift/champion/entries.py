"""Entries of the ledger, made from who reigns at the moment of the decision."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from nightshift.adapters.ledger import Cause, Entry, Kind, stored
from nightshift.adapters.registry_rest import DECIDING, SHA256, Version
from nightshift.champion.court import Court, Reign

BY_HAND = "moved in MLflow"
"""What an adoption has as its cause: who it was is not known."""


def announced(numbered: Entry) -> dict[str, str]:
    """The tag that announces an entry on its version: where a rerun finds it again, and what its bytes must be."""
    return {DECIDING: f"{numbered.number:06d} {hashlib.sha256(stored(numbered)).hexdigest()}"}


def promotion(seen: Court, challenger: Reign, reason: str, cause: Cause) -> Entry:
    """`challenger` becomes champion."""
    return _crowning(seen, "promotion", challenger, reason, cause)


def refusal(seen: Court, kind: Kind, challenger: Reign, reason: str, cause: Cause) -> Entry:
    """`challenger` does not become champion, as a `refusal` or as `superseded`: who reigns stays."""
    entry = _entry(seen, kind, challenger, reason, cause)
    if seen.champion is None or seen.last is None:
        return entry
    return replace(
        entry,
        champion_version=seen.champion.number,
        champion_night=seen.champion.night.isoformat(),
        champion_entry=seen.last.champion_entry,
    )


def rollback(seen: Court, target: Reign, reason: str, cause: Cause) -> Entry:
    """`target` becomes champion again, and the standing one is withdrawn."""
    entry = _crowning(seen, "rollback", target, reason, cause)
    gone = seen.champion.number if seen.champion else None
    barred = entry.barred if gone is None else tuple(sorted({*entry.barred, gone}))
    return replace(entry, withdrawn=gone, barred=barred)


def adoption(seen: Court, found_by: Cause) -> Entry:
    """What a person did to the alias in MLflow is accepted: another version reigns, or none."""
    cause = replace(found_by, by=BY_HAND, kind="by hand", user="", backfill="")
    last, now = seen.last, seen.champion
    was = f"version {last.champion_version}" if last and last.champion_version is not None else "no version"
    found = f"found by {found_by.by}"
    if now is not None:
        reason = f"the alias champion was moved in MLflow from {was} to version {now.number}; {found}"
        return replace(_crowning(seen, "adoption", now, reason, cause), **_before(last))
    if last is None or last.champion_version is None:
        raise AssertionError("a throne that was empty before was not emptied by hand")
    reason = f"the alias champion was removed in MLflow, or with {was} deleted: nobody reigns; {found}"
    gone = Version(seen.model, last.champion_version, "", "")
    night = date.fromisoformat(last.champion_night or date.min.isoformat())
    return replace(_entry(seen, "adoption", Reign(gone, night), reason, cause), **_before(last))


def _before(last: Entry | None) -> dict[str, Any]:
    """Who reigned by the ledger, which is not whom the alias names."""
    return {
        "previous_version": last.champion_version if last else None,
        "previous_night": last.champion_night if last else None,
    }


def _crowning(seen: Court, kind: Kind, heir: Reign, reason: str, cause: Cause) -> Entry:
    entry = _entry(seen, kind, heir, reason, cause)
    barred = tuple(number for number in entry.barred if number != heir.number)
    return replace(entry, champion_version=heir.number, champion_night=heir.night.isoformat(), barred=barred)


def _entry(seen: Court, kind: Kind, about: Reign, reason: str, cause: Cause) -> Entry:
    standing = seen.champion
    return Entry(
        kind=kind,
        model=seen.model,
        version=about.number,
        night=about.night.isoformat(),
        champion_version=None,
        champion_night=None,
        previous_version=standing.number if standing else None,
        previous_night=standing.night.isoformat() if standing else None,
        barred=seen.last.barred if seen.last else (),
        reason=reason,
        run_id=about.version.run_id,
        artifact_sha256=about.version.tags.get(SHA256, ""),
        cause=cause,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
