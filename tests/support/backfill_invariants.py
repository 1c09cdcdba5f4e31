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
from nightshift.commands.recheck import choose_entries, recheck
from nightshift.context import ModelContext
from nightshift.definition import Model
from support.stored_results import judged


def list_versions(registry: Registry, model: str) -> list[Version]:
    """Every registered version of a model, oldest first."""
    reply = registry.server.get("model-versions/search", filter=f"name = '{model}'", max_results="1000")
    numbers = sorted(int(item["version"]) for item in reply.get("model_versions", []))
    return [registry.load_version(model, number) for number in numbers]


def require_one_version_per_night(registry: Registry, model: str) -> list[str]:
    """The nights that have a version, in order; each has one."""
    nights = Counter(version.tags[NIGHT] for version in list_versions(registry, model))
    assert [night for night, count in nights.items() if count > 1] == [], nights
    return sorted(nights)


def require_no_demotion(entries: Sequence[Entry]) -> None:
    """Only a person makes a version of an earlier night champion. `entries`: oldest first."""
    for before, after in pairwise(entries):
        assert after.previous == before.champion, after
        if after.kind != "set_champion":
            assert (after.champion_night or "") >= (before.champion_night or ""), (before, after)
        if not after.changes_champion:
            assert after.champion_version == before.champion_version, after


def require_comparisons_with_champions(entries: Sequence[Entry]) -> None:
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


def require_sound_chain(store: ObjectStore, ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Entries are numbered without a gap, each naming the bytes of the one before."""
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    for before, after in pairwise(entries):
        data = store.get(ledger.build_uri(before.number))
        assert data is not None
        assert json.loads(data)["number"] == before.number
        assert after.previous_digest == hashlib.sha256(data).hexdigest(), after.number


def require_agreement(registry: Registry, model: str, entries: Sequence[Entry]) -> None:
    """The alias, the ledger and the registry name the same champion."""
    alias = registry.find_champion(model)
    ledger = entries[-1].champion_version if entries else None
    assert (alias.number if alias else None) == ledger
    if alias is not None:
        assert alias.tags[NIGHT] == entries[-1].champion_night


def require_same_verdicts(store: ObjectStore, model: Model, registry: Registry) -> int:
    """Every verdict comes out of its record again. Returns how many there were."""
    actual = list(recheck(ModelContext(model.name, store, registry), model, choose_entries(store, model.name).entries))
    assert [str(item) for item in actual if item.state != "same"] == []
    return len(actual)


def require_invariants(store: ObjectStore, model: Model, registry: Registry) -> list[Entry]:
    """All of the above. Returns the ledger, oldest first."""
    ledger = Ledger(store, model.name)
    entries = list(ledger.iterate_newest_first())[::-1]
    require_one_version_per_night(registry, model.name)
    require_no_demotion(entries)
    require_comparisons_with_champions(entries)
    require_sound_chain(store, ledger, entries)
    require_agreement(registry, model.name, entries)
    require_same_verdicts(store, model, registry)
    return entries
