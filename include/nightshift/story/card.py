"""The model card: a version's story where people look for it, written again after every decision about the version."""

import logging

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_http import NotFound
from nightshift.adapters.registry_rest import Registry
from nightshift.adapters.storage import ObjectStore
from nightshift.errors import NightshiftError

log = logging.getLogger("nightshift.card")
MOST_CHARACTERS = 5000
"""What MLflow's database holds of a version's description."""


def publish_card(store: ObjectStore, registry: Registry, model: str, number: int) -> None:
    """Refreshes the model card of one version from the records. A card that fails is a warning: it decides nothing."""
    try:
        entries = [entry for entry in Ledger(store, model).newest_first() if number in (entry.version, entry.withdrawn)]
        text = "\n\n".join(map(_line, entries)) or "No decision about this version is in the ledger."
        body = {"name": model, "version": str(number), "description": text[:MOST_CHARACTERS]}
        registry.server.patch("model-versions/update", body)
    except (NightshiftError, NotFound) as error:
        log.warning("the model card of version %d of %s is not refreshed: %s", number, model, error)


def _line(entry: Entry) -> str:
    return f"{entry.when} {entry.kind} of version {entry.version}: {entry.reason}"
