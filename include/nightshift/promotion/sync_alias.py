"""Brings the alias `champion` and the model cards in MLflow to where the ledger ends. Anyone may repeat it.

The ledger is the truth. The alias is there for others, who load `models:/NAME@champion`; nothing in here reads it to
learn who is champion. MLflow cannot move an alias on a condition, so a stalled writer may put an old one back: the next
sync corrects that. The head is set last, so that a sync which was cut short is done again.
"""

import logging
from collections.abc import Sequence

from nightshift.adapters.mlflow.registry import RegisteredModel, Registry
from nightshift.adapters.s3.alias_reports import AliasMove, report_move
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.context import ModelContext
from nightshift.errors import BadConfig, TryLater
from nightshift.instants import format_now
from nightshift.model_card.publish_card import publish_cards
from nightshift.promotion.champion_state import ChampionState, is_same_version
from nightshift.promotion.ledger_head import Head, read_head, read_whole_state, write_head

log = logging.getLogger("nightshift.promotion")
ATTEMPTS = 8
MOST_ENTRIES = 10
"""How many entries back model cards are written again after MLflow was restored to an earlier day."""


def sync_alias(context: ModelContext) -> ChampionState:
    """Brings MLflow to where the ledger ends, and returns the state there.

    Everything is read again after a write, until there is nothing to write: so it goes on when the ledger has grown,
    and corrects what another writer did meanwhile.

    Raises `BadConfig` when entries of the ledger are lost, the champion is not in MLflow or another version has its
    number, or MLflow has a champion and there is no ledger; `TryLater` when the alias does not stay.
    """
    for _ in range(ATTEMPTS):
        registered, state = read_whole_state(context)
        if state.last is None:
            _require_no_champion(registered, context.name)
            return state
        problem = describe_missing(context.registry, state)
        if problem:
            raise BadConfig(problem)
        if registered is None or not _write(context, registered, state):
            return state
    raise TryLater(f"the alias champion of {context.name} does not stay where the ledger ends: others move it")


def describe_missing(registry: Registry, state: ChampionState) -> str:
    """Why the ledger's champion cannot be used, and what to do; "" when it is in MLflow, or there is no champion."""
    champion = state.champion
    if champion is None:
        return ""
    version = registry.find(state.model, champion.version)
    name = f"version {champion.version} of {state.model}"
    mend = f"Restore it, or name another champion: `nightshift set-champion {state.model} previous --reason …`"
    if version is None:
        return f"{name}, champion by entry {champion.entry} of the ledger, is not in MLflow: was it deleted? {mend}"
    if not is_same_version(version, champion):
        differs = f"{name} is not the one that entry {champion.entry} of the ledger made champion"
        return f"{differs}: MLflow gave its number to another version. {mend}"
    return ""


def _require_no_champion(registered: RegisteredModel | None, model: str) -> None:
    if registered is not None and registered.champion is not None:
        take = f"`nightshift set-champion {model} {registered.champion} --unverified --reason …`"
        raise BadConfig(
            f"version {registered.champion} of {model} has the alias champion, and {model} has no ledger: take it over "
            f"with {take}, or begin without a champion with `nightshift set-champion {model} none --reason …`"
        )


def _write(context: ModelContext, registered: RegisteredModel, state: ChampionState) -> bool:
    """Alias, cards, head, as far as they are not there yet. False when all were."""
    champion = state.champion.version if state.champion else None
    head, moved = read_head(registered), registered.champion != champion
    unsynced = _read_unsynced(context.ledger, head, state)
    if moved:
        _tell_move(context.ledger, registered.champion, state, unsynced)
        if champion is None:
            context.registry.remove_champion(context.name)
        else:
            context.registry.set_champion(context.name, champion)
    if unsynced:
        publish_cards(context, *_list_changed_versions(unsynced))
        _raise_head(context.registry, context.name, Head(state.end, state.digest))
    return moved or bool(unsynced)


def _raise_head(registry: Registry, model: str, head: Head) -> None:
    """Sets the head unless another writer has raised it further; a lower one that comes in between is read back."""
    if read_head(registry.find_model(model)).number < head.number:
        write_head(registry, model, head)


def _read_unsynced(ledger: Ledger, head: Head, state: ChampionState) -> list[Entry]:
    """The entries behind the head, the newest few if there are many."""
    first = max(head.number, state.end - MOST_ENTRIES) + 1
    earlier = [ledger.load_entry(number) for number in range(first, state.end)]
    return [*earlier, state.last] if state.last is not None and head.number < state.end else []


def _tell_move(ledger: Ledger, previous: int | None, state: ChampionState, unsynced: Sequence[Entry]) -> None:
    """Logs where the alias goes. One that had been where the ledger ends is also reported: a person may have moved it.

    Never who moved it: it may have been the late write of a stalled process.
    """
    champion = state.champion.version if state.champion else None
    if any(entry.changes_champion for entry in unsynced):
        log.info("the alias champion goes from version %s to %s, as entry %d says", previous, champion, state.end)
        return
    when = format_now()
    move = AliasMove(previous=previous, champion=champion, entry=state.end, when=when)
    previous_text = "none" if previous is None else previous
    command = f"nightshift set-champion {ledger.model} {previous_text} --reason …"
    log.warning("%s; to make %s champion: `%s`", move.sentence, previous_text, command)
    report_move(ledger.store, ledger.model, move)


def _list_changed_versions(entries: Sequence[Entry]) -> list[int | None]:
    """The versions whose cards the entries change."""
    replaced = [entry.previous_version for entry in entries if entry.changes_champion]
    return [*(entry.version for entry in entries), *replaced]
