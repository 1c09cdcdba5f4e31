"""What `include/models/<name>/source.py` provides for a model with `replay=True`."""

from collections.abc import Mapping
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from nightshift.definition import Model
from nightshift.errors import BadConfig

if TYPE_CHECKING:
    import pandas as pd


class Source(Protocol):
    """A record of consecutive days from `FIRST` to `LAST`; when shifted it ends with `REPLAYED_LAST`."""

    FIRST: date
    LAST: date
    REPLAYED_LAST: date

    def load_frames(self) -> Mapping[str, Mapping[date, "pd.DataFrame"]]:
        """Every partition of the record: dataset name, then day."""

    def shift_dates(self, frame: "pd.DataFrame", days: int) -> "pd.DataFrame":
        """A partition with every date and time in it `days` later."""

    def corrupt(self, frame: "pd.DataFrame") -> tuple["pd.DataFrame", list[str]]:
        """A partition of facts as a broken upstream would leave it, and a sentence for each thing altered."""


def load_source(model: Model) -> Source:
    """The source of a model's data. Raises `BadConfig` when the model has none."""
    if not model.replay:
        raise BadConfig(f"model {model.name} has no data to replay: its partitions come from elsewhere")
    return cast(Source, import_module(f"models.{model.name}.source"))
