"""Which types a version may contain when it is loaded: those that were trusted when it became champion.

The list stands in the verdict that promoted the version, which the ledger holds. A list in MLflow, in the artifact or
in a tag, would be worth nothing: whoever can write the one can write the other.
"""

from collections.abc import Iterator

from nightshift.adapters.estimators import trusted_of
from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import Version
from nightshift.champion.identity import crowning, same_version
from nightshift.definition import Model

TRUSTED = "trusted"
"""Where a verdict keeps its lists: by the version's number, as text."""


def trusted_types(model: Model, ledger: Ledger, version: Version) -> tuple[str, ...]:
    """The types that a version was promoted with; for one that never was, those of the model's folder.

    Raises `TryLater` when the store fails, `BadConfig` when the folder has no list.
    """
    for entry in _promotions(ledger, version):
        listed = entry.verdict.get(TRUSTED, {}).get(str(version.number))
        if listed is not None:
            return tuple(map(str, listed))
    return trusted_of(model)


def _promotions(ledger: Ledger, version: Version) -> Iterator[Entry]:
    """The entries that made this version champion, the newest first."""
    for entry in ledger.reigns(ledger.last()):
        began = crowning(ledger, entry)
        if began.champion_version == version.number and same_version(version, began):
            yield began
