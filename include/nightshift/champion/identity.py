"""Whether a version of MLflow is the one that an entry of the ledger is about: a number alone does not say so.

MLflow gives numbers again when its database is restored to an earlier day, or a registered model is deleted and made
anew. The run, and the digest of the model, are given once.
"""

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import SHA256, Registry, Version


def same_run(version: Version, entry: Entry) -> bool:
    """Whether the version was made by the run that the entry has, where it has one."""
    return entry.run_id in ("", version.run_id)


def same_version(version: Version, entry: Entry) -> bool:
    """Whether run and digest of the version are those that the entry has, where it has them."""
    return same_run(version, entry) and entry.artifact_sha256 in ("", version.tags.get(SHA256, ""))


def crowning(ledger: Ledger, entry: Entry) -> Entry:
    """The entry that made the champion of `entry` champion. Raises as `Ledger.entry` does."""
    number = entry.champion_entry or entry.number
    return entry if number == entry.number else ledger.entry(number)


def taken_away(registry: Registry, ledger: Ledger, rollback: Entry) -> Version | None:
    """The version that a rollback withdrew, or None when MLflow does not have that one (any more)."""
    version = None if rollback.withdrawn is None else registry.find(rollback.model, rollback.withdrawn)
    if version is None or rollback.number < 2:
        return version
    crowned = crowning(ledger, ledger.entry(rollback.number - 1))
    stranger = crowned.champion_version == version.number and not same_version(version, crowned)
    return None if stranger else version
