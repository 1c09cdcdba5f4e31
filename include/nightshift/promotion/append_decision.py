"""Appends a decision to the ledger, once: a conditional PUT, and whoever loses it reads again and decides again.

A rerun finds the decision that an earlier attempt made by its keys (the version that it is about; for a person's
request also the request): a number is recorded under each key before the entry of that number is appended.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry, number_entry
from nightshift.errors import TryLater
from nightshift.promotion.champion_state import ChampionState

log = logging.getLogger("nightshift.promotion")
ATTEMPTS = 12
"""How often another entry may be appended while we decide before Airflow is asked to come back later."""
PAUSE = 0.3
"""Seconds that an attempt waits at most after it lost, so that two writers do not meet again."""


@dataclass(frozen=True)
class Decided:
    """An entry, and the state in which it was decided or found. `reused`: an earlier attempt had appended it."""

    entry: Entry
    state: ChampionState
    reused: bool = False


@dataclass(frozen=True)
class Proposal:
    """An entry to append, and the keys to find it by besides its version."""

    entry: Entry
    keys: tuple[str, ...] = ()


Decide = Callable[[ChampionState], Proposal | Decided | None]
"""Makes a proposal from a state, or finds what was decided already; None: read the state again."""


def append_decision(ledger: Ledger, read: Callable[[], ChampionState], decide: Decide) -> Decided:
    """Appends what `decide` makes of the state that `read` gives, or returns what it finds.

    Raises `TryLater` when others keep appending.
    """
    for attempt in range(ATTEMPTS):
        time.sleep(random.uniform(0, PAUSE) if attempt else 0)  # noqa: S311 - a pause is no secret
        state = read()
        proposal = decide(state)
        if isinstance(proposal, Decided):
            return proposal
        if proposal is not None:
            entry = append_to(ledger, state, proposal)
            if entry is not None:
                return Decided(entry, state)
            log.info("another decision was appended to the ledger meanwhile: deciding again")
    raise TryLater(f"the ledger of {ledger.model} grew {ATTEMPTS} times while a decision was made: nothing was decided")


def append_to(ledger: Ledger, state: ChampionState, proposal: Proposal) -> Entry | None:
    """Appends behind the entry that the state ends with. None when another one was appended since."""
    entry = number_entry(proposal.entry, state.last, state.digest)
    about = () if entry.version is None else (build_version_key(entry.version),)
    for key in (*about, *proposal.keys):
        ledger.announce(key, entry.number)
    return entry if ledger.append(entry) else None


def find_entries(ledger: Ledger, state: ChampionState, key: str) -> Iterator[Entry]:
    """The entries announced under a key that are in the ledger, the newest first. The caller says which is about it."""
    numbers = ledger.list_announced(key)
    return (ledger.load_entry(number) for number in numbers if number <= state.end)


def build_version_key(number: int) -> str:
    """The key of the entries about a version."""
    return f"version-{number}"
