"""What syncs found of a model's alias `champion`, as the Promotions page shows it: the page cannot ask MLflow."""

from dataclasses import asdict, dataclass
from typing import Any

from nightshift.adapters.s3.object_store import ObjectStore


@dataclass(frozen=True, kw_only=True)
class AliasMove:
    """An alias that named another version than the end of the ledger, and was moved back.

    `previous`: the version it named, `champion`: that of the ledger; None: no version. `entry`:
    the number of the ledger's last entry then. `when`: ISO 8601 instant in UTC.
    """

    previous: int | None
    champion: int | None
    entry: int
    when: str

    @property
    def sentence(self) -> str:
        """What happened; never who did it: it may have been the late write of a stalled process."""
        before = "no version" if self.previous is None else f"version {self.previous}"
        champion = "no version" if self.champion is None else str(self.champion)
        return f"the alias stood on {before}, the ledger says {champion}: moved back"


def report_move(store: ObjectStore, model: str, move: AliasMove) -> None:
    """Stores the last move, over an earlier one."""
    store.put_json(_build_uri(store, model, "moved"), asdict(move))


def load_last_move(store: ObjectStore, model: str) -> AliasMove | None:
    """The last move; None when there was none, or what is stored is none."""
    report = store.get_json(_build_uri(store, model, "moved"))
    try:
        return None if report is None else AliasMove(**report)
    except TypeError:
        return None


def report_problem(store: ObjectStore, model: str, sentence: str) -> None:
    """Stores why the alias cannot be synced; "" when it can. Writes only what is not stored yet."""
    if load_last_problem(store, model) != sentence:
        store.put_json(_build_uri(store, model, "problem"), {"sentence": sentence})


def load_last_problem(store: ObjectStore, model: str) -> str:
    """Why the last periodic sync could not do its work; "" when it could."""
    report: Any = store.get_json(_build_uri(store, model, "problem"))
    return str(report.get("sentence", "")) if isinstance(report, dict) else ""


def _build_uri(store: ObjectStore, model: str, name: str) -> str:
    return store.build_uri(f"alias/{model}/{name}.json")
