"""Which types a version may contain when it is loaded: those that were trusted when it became champion.

The list stands in the verdict that promoted the version, which the ledger holds. A list in MLflow, in the artifact or
in a tag, would be worth nothing: whoever can write the one can write the other.
"""

from nightshift.adapters.mlflow.registry import Version
from nightshift.context import Context
from nightshift.modelling.estimators import list_trusted_types
from nightshift.promotion.append_decision import build_version_key, find_entries
from nightshift.promotion.champion_state import ChampionState, is_same_version


def read_trusted_types(context: Context, state: ChampionState, version: Version) -> tuple[str, ...]:
    """The types that a version was promoted with; for one that never was, those of the model's folder.

    Raises `TryLater` when the store fails, `BadConfig` when the folder has no list.
    """
    for entry in find_entries(context.ledger, state, build_version_key(version.number)):
        if entry.changes_champion and entry.champion is not None and is_same_version(version, entry.champion):
            listed = entry.verdict.trusted.get(str(version.number)) if entry.verdict else None
            if listed is not None:
                return listed
    return list_trusted_types(context.model)
