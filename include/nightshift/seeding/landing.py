"""Lands the partitions that are missing, several at a time."""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from nightshift.adapters.s3.object_store import ObjectStore, to_json
from nightshift.definition import Dataset, Model
from nightshift.errors import BadConfig
from nightshift.lake import tables
from nightshift.seeding import calendar
from nightshift.seeding.calendar import Dates, Replay
from nightshift.seeding.source import Source

log = logging.getLogger(__name__)

CORRUPTED = "_CORRUPTED.json"
WRITERS = 8
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Wanted:
    """One partition to land: `day` is the day of the record that night `night` replays."""

    dataset: Dataset
    night: date
    day: date


def replay_of(store: ObjectStore, model: Model, source: Source, dates: Dates | None, yesterday: date) -> Replay:
    """The replay of this lake: the one recorded when it was first seeded, or a new one that is recorded now.

    Raises `BadConfig` when the lake holds the other kind of `dates`.
    """
    uri = record_uri(model)
    if store.get(uri) is None:
        new = (
            calendar.build_original(source.FIRST, source.LAST)
            if dates == "original"
            else calendar.build_shifted(source.FIRST, source.REPLAYED_LAST, yesterday)
        )
        store.put_if_absent(uri, to_json(new.to_dict()))
    replay = calendar.parse(store.get_json(uri) or {}, uri)
    if dates not in (None, replay.dates):
        raise BadConfig(f"this lake was seeded with --dates {replay.dates} ({uri}): use that, or another lake")
    return replay


def record_uri(model: Model) -> str:
    """Where a lake keeps how its data was shifted."""
    return model.facts.uri.split("{night}")[0].rsplit("/", 1)[0] + "/_REPLAY.json"


def list_missing(store: ObjectStore, model: Model, replay: Replay, first: date, last: date) -> list[Wanted]:
    """The partitions of the nights from `first` to `last` that are not there: one listing per dataset.

    What is scheduled is known one period ahead, so its partitions go that much further than `last`.
    """
    missing_partitions: list[Wanted] = []
    for dataset in model.datasets:
        ahead = model.schedule.period if dataset is model.scheduled else timedelta()
        landed = _list_landed(store, dataset)
        missing_partitions += [w for w in _list_nights(dataset, replay, first, last + ahead) if w.night not in landed]
    return missing_partitions


def _list_nights(dataset: Dataset, replay: Replay, first: date, last: date) -> Iterable[Wanted]:
    for number in range((last - first).days + 1):
        night = first + timedelta(days=number)
        day = replay.find_source_day(night)
        if day is not None:
            yield Wanted(dataset, night, day)


def _list_landed(store: ObjectStore, dataset: Dataset) -> set[date]:
    before, after = dataset.uri.split("{night}")
    names = (o.uri.removeprefix(before) for o in store.list_objects(before) if o.name.endswith(".parquet"))
    return {date.fromisoformat(name[:10]) for name in names if name[10:].startswith(after)}


def land(store: ObjectStore, source: Source, partitions: list[Wanted], report: Callable[[int, int], None]) -> int:
    """Lands partitions and tells `told(done, of)` after each. Returns how many: a day without data lands nothing."""
    if not partitions:
        return 0
    frames = source.load_frames()
    ready = [w for w in partitions if w.day in frames.get(w.dataset.name, {})]

    def write(partition: Wanted) -> None:
        frame = source.shift_dates(
            frames[partition.dataset.name][partition.day], (partition.night - partition.day).days
        )
        tables.write_partition(store, partition.dataset.build_partition_uri(partition.night), frame)

    with ThreadPoolExecutor(WRITERS) as pool:
        for number, _ in enumerate(pool.map(write, ready), start=1):
            report(number, len(ready))
    return len(ready)


def load_true_facts(model: Model, source: Source, replay: Replay, night: date) -> pd.DataFrame:
    """The facts of one night as they happened. Raises `BadConfig` for a night outside of the replay."""
    day = replay.find_source_day(night)
    frames: Mapping[date, pd.DataFrame] = source.load_frames()[model.facts.name]
    if day is None or day not in frames:
        raise BadConfig(f"night {night} is not part of this replay, which begins on {replay.begins}")
    return source.shift_dates(frames[day], (night - day).days)


def land_corrupted(store: ObjectStore, model: Model, night: date, frame: pd.DataFrame, altered: list[str]) -> str:
    """Puts a corrupted copy in the place of a night's facts, labelled as such. Returns the label's URI."""
    label = model.facts.build_partition_uri(night) + CORRUPTED
    content: dict[str, Any] = {"corrupted": True, "night": night.isoformat(), "altered": altered}
    # The label first: corrupted data is never there without it.
    store.put_json(label, content)
    tables.write_partition(store, model.facts.build_partition_uri(night), frame)
    return label


def repair(store: ObjectStore, model: Model, night: date, frame: pd.DataFrame) -> str:
    """Puts a night's true facts back and takes the label away. Returns the partition's URI."""
    tables.write_partition(store, model.facts.build_partition_uri(night), frame)
    store.delete([model.facts.build_partition_uri(night) + CORRUPTED])
    return model.facts.build_partition_uri(night)
