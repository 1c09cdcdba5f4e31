"""When a version was champion and what its state is, from the ledger's entries, oldest first."""

from collections.abc import Sequence
from dataclasses import replace

from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.model_card.card import ChampionPeriod, Decision, State


def list_periods(entries: Sequence[Entry], number: int) -> tuple[ChampionPeriod, ...]:
    """Returns the periods in which the version was champion, the first one first."""
    periods: list[ChampionPeriod] = []
    is_champion = False
    for entry in entries:
        if entry.champion_version == number and not is_champion:
            periods.append(
                ChampionPeriod(entry=entry.number, since=entry.when, for_night=_get_night(entry), how=entry.kind)
            )
        if is_champion and entry.champion_version != number:
            periods[-1] = _end_period(periods[-1], entry)
        is_champion = entry.champion_version == number
    return tuple(periods)


def _get_night(entry: Entry) -> str:
    return entry.champion_night or ""


def _end_period(period: ChampionPeriod, entry: Entry) -> ChampionPeriod:
    return replace(
        period,
        end=entry.number,
        until=entry.when,
        end_how=entry.kind,
        by=entry.champion_version,
        end_night=_get_night(entry),
    )


def list_decisions(entries: Sequence[Entry], number: int) -> tuple[Decision, ...]:
    """The entries that concern the version: those about it, and those that ended a period of it as champion."""
    decided = []
    before: int | None = None
    for entry in entries:
        ended = before == number and entry.champion_version != number
        if entry.version == number:
            decided.append(Decision(relation="about it", entry=entry))
        elif entry.withdraws == number:
            decided.append(Decision(relation="withdrew it", entry=entry))
        elif ended:
            decided.append(Decision(relation="replaced it", entry=entry))
        before = entry.champion_version
    return tuple(decided)


def find_state(entries: Sequence[Entry], number: int, *, judged: bool, registered: bool) -> State:
    """Returns the state of the version. `judged`: a verdict on it is stored; `registered`: MLflow has it."""
    if entries and entries[-1].champion_version == number:
        return "champion"
    about = [entry for entry in entries if number in (entry.version, entry.withdraws)]
    if entries and number in entries[-1].withdrawn_versions:
        return "withdrawn"
    if list_periods(entries, number):
        return "replaced"
    if about and about[-1].kind in ("refusal", "superseded"):
        return "refused" if about[-1].kind == "refusal" else "superseded"
    if judged:
        return "judged"
    return "registered" if registered else "unknown"
