"""Builds the entries of the ledger from the state that they follow."""

from dataclasses import replace

from nightshift.adapters.mlflow.registry import Version
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion
from nightshift.instants import format_now
from nightshift.promotion.champion_state import ChampionState, identify
from nightshift.result_parts import EntryKind


def build_promotion(state: ChampionState, challenger: Version, reason: str, cause: Cause) -> Entry:
    """`challenger` becomes champion."""
    return _make_champion(_build(state, "promotion", identify(challenger), reason, cause))


def build_refusal(state: ChampionState, kind: EntryKind, challenger: Version, reason: str, cause: Cause) -> Entry:
    """`challenger` does not become champion, as a `refusal` or as `superseded`: the champion stays."""
    return _build(state, kind, identify(challenger), reason, cause)


def build_set_champion(
    state: ChampionState, target: LedgerVersion | None, reason: str, cause: Cause, *, unverified: bool = False
) -> Entry:
    """A person makes `target` champion, or no version. The present champion is withdrawn.

    Except by an unverified version: that one was not gone back to, so the present champion is only replaced.
    """
    entry = _make_champion(_build(state, "set_champion", target, reason, cause))
    present = state.champion
    if present is None or unverified:
        return replace(entry, unverified=unverified)
    withdrawn = sorted((*entry.withdrawn, replace(present, entry=0)), key=lambda version: version.version)
    return replace(entry, withdraws=present.version, withdrawn=tuple(withdrawn))


def build_accepted_end(state: ChampionState, lost_head: str, reason: str, cause: Cause) -> Entry:
    """A person accepts the ledger's end: who is champion stays as this end says."""
    return replace(_build(state, "accept_end", state.champion, reason, cause), lost_head=lost_head)


def _make_champion(entry: Entry) -> Entry:
    """The entry with its own version as champion, which is not withdrawn any more."""
    if entry.version is None:
        return replace(entry, champion=None)
    withdrawn = tuple(version for version in entry.withdrawn if version.version != entry.version)
    champion = LedgerVersion(
        version=entry.version, night=entry.night, run_id=entry.run_id, artifact_sha256=entry.artifact_sha256
    )
    return replace(entry, champion=champion, withdrawn=withdrawn)


def _build(state: ChampionState, kind: EntryKind, about: LedgerVersion | None, reason: str, cause: Cause) -> Entry:
    return Entry(
        kind=kind,
        model=state.model,
        version=about.version if about else None,
        night=about.night if about else "",
        run_id=about.run_id if about else "",
        artifact_sha256=about.artifact_sha256 if about else "",
        champion=state.champion,
        previous=state.champion,
        withdrawn=state.withdrawn,
        reason=reason,
        cause=cause,
        when=format_now(),
    )
