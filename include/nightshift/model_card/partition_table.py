"""The partitions of a model card as a table: a row per date, a column per dataset."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nightshift.model_card.card import Data, Partition


@dataclass(frozen=True)
class Column:
    """A dataset. `pattern`: the address of its partitions, with `{night}` for the date."""

    name: str
    pattern: str


@dataclass(frozen=True)
class Row:
    """The partitions of one date, by dataset, and what the date was used for."""

    date: str
    used: str
    cells: Mapping[str, Partition]


@dataclass(frozen=True)
class Grid:
    """The whole table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def build_grid(data: Data) -> Grid:
    """The partitions of a model card, the latest date first."""
    columns = {partition.dataset: Column(partition.dataset, _build_pattern(partition)) for partition in data.partitions}
    dates = sorted({partition.date for partition in data.partitions}, reverse=True)
    return Grid(tuple(columns.values()), tuple(_build_row(data, date) for date in dates))


def _build_pattern(partition: Partition) -> str:
    return partition.uri.replace(partition.date, "{night}") if partition.date else partition.uri


def _build_row(data: Data, date: str) -> Row:
    return Row(
        date,
        _describe_use(data, date),
        {partition.dataset: partition for partition in _select_date(data.partitions, date)},
    )


def _select_date(partitions: Iterable[Partition], date: str) -> Iterable[Partition]:
    return (partition for partition in partitions if partition.date == date)


def _describe_use(data: Data, date: str) -> str:
    uses = (
        ("training", data.train_nights),
        ("holdout", data.holdout_nights),
        ("comparison", data.compared_nights if data.compared_nights != data.holdout_nights else ()),
    )
    return ", ".join(use for use, nights in uses if date in nights) or "looked back on"
