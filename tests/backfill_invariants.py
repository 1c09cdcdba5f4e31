"""What must hold after any backfill, whatever the order: read from the ledger, the registry and the lake alone."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from nightshift.adapters.mlflow.registry import NIGHT, Registry, Version
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.commands.recheck import chosen, recheck
from nightshift.context import ModelContext
from nightshift.definition import Model
from support.stored_results import judged


def versions_of(registry: Registry, model: str) -> list[Version]:
    """Every registered version of a model, oldest first."""
    reply = registry.server.get("model-versions/search", filter=f"name = '{model}'", max_results="1000")
    numbers = sorted(int(found["version"]) for found in reply.get("model_versions", []))
    return [registry.version(model, number) for number in numbers]


def one_version_per_night(registry: Registry, model: str) -> list[str]:
    """The nights that have a version, in order; each has one."""
    nights = Counter(version.tags[NIGHT] for version in versions_of(registry, model))
    assert [night for night, count in nights.items() if count > 1] == [], nights
    return sorted(nights)


def the_champion_never_goes_back(entries: Sequence[Entry]) -> None:
    """Only a person makes a version of an earlier night champion. `entries`: oldest first."""
    for before, after in pairwise(entries):
        assert after.previous == before.champion, after
        if after.kind != "set_champion":
            assert (after.champion_night or "") >= (before.champion_night or ""), (before, after)
        if not after.changes_champion:
            assert after.champion_version == before.champion_version, after


def every_challenger_met_the_champion_of_its_night(entries: Sequence[Entry]) -> None:
    """What decided an entry is the comparison with the newest champion that was not trained for a later night."""
    periods: list[tuple[int | None, str]] = []
    withdrawn: set[int | None] = set()
    for entry in entries:
        if entry.kind in ("promotion", "refusal"):
            fitting = [v for v, night in periods if night <= entry.night and v not in withdrawn | {entry.version}]
            assert judged(entry).champion_version == (fitting[-1] if fitting else None), entry.number
        champion_night = entry.verdict.champion_night if entry.verdict else None
        assert str(champion_night or "") <= entry.night, entry.number
        if entry.changes_champion:
            periods.append((entry.champion_version, entry.champion_night or ""))
            withdrawn = (withdrawn | {entry.withdraws}) - {entry.champion_version}


def the_chain_holds(store: ObjectStore, ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Entries are numbered without a gap, each naming the bytes of the one before."""
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    for before, after in pairwise(entries):
        data = store.get(ledger.uri(before.number))
        assert data is not None
        assert json.loads(data)["number"] == before.number
        assert after.previous_digest == hashlib.sha256(data).hexdigest(), after.number


def all_agree(registry: Registry, model: str, entries: Sequence[Entry]) -> None:
    """The alias, the ledger and the registry name the same champion."""
    alias = registry.champion(model)
    ledger = entries[-1].champion_version if entries else None
    assert (alias.number if alias else None) == ledger
    if alias is not None:
        assert alias.tags[NIGHT] == entries[-1].champion_night


def every_verdict_is_the_same_again(store: ObjectStore, model: Model, registry: Registry) -> int:
    """Every verdict comes out of its record again. Returns how many there were."""
    found = list(recheck(ModelContext(model.name, store, registry), model, chosen(store, model.name).entries))
    assert [str(one) for one in found if one.state != "same"] == []
    return len(found)


def everything_holds(store: ObjectStore, model: Model, registry: Registry) -> list[Entry]:
    """All of the above. Returns the ledger, oldest first."""
    ledger = Ledger(store, model.name)
    entries = list(ledger.newest_first())[::-1]
    one_version_per_night(registry, model.name)
    the_champion_never_goes_back(entries)
    every_challenger_met_the_champion_of_its_night(entries)
    the_chain_holds(store, ledger, entries)
    all_agree(registry, model.name, entries)
    every_verdict_is_the_same_again(store, model, registry)
    return entries
