"""Examples for models: validated nights of the lake, turned into features and labels day by day.

The features of a day are made from its schedule and from validated nights *before* it. Nothing later is handed to the
model's code, so a leak cannot come through here. How the model's functions are called stands in `user_functions`, how
scheduled rows find what happened to them in `joins`.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nightshift.core import windows
from nightshift.core.columns import choose_free_name
from nightshift.definition import Dataset, Model
from nightshift.errors import BadConfig, DataRejected
from nightshift.lake.stack_nights import stack_frames
from nightshift.lake.validated_nights import Lake
from nightshift.modelling.join_keys import require_keys
from nightshift.modelling.joins import NightJoin, join, tell
from nightshift.modelling.user_functions import UserFunctions
from nightshift.result_parts import JoinCounts, LeftOutNight

log = logging.getLogger("nightshift.examples")


@dataclass(frozen=True)
class Examples:
    """Rows with a label, all in the same order.

    `features`: float columns; `labels`: floats without NaN; `night`: each row's day, datetime64; `slices`: a str array
    per slice of the gate; `nights`: those that gave rows. `joins`: how the rows of each night that was read found each
    other; `left_out`: the nights that gave none, with the reason.
    """

    features: pd.DataFrame
    labels: NDArray[np.float64]
    night: NDArray[np.datetime64]
    slices: Mapping[str, NDArray[np.str_]]
    nights: tuple[date, ...]
    joins: tuple[NightJoin, ...] = ()
    left_out: tuple[tuple[date, str], ...] = ()

    def drop_features(self, columns: Sequence[str]) -> "Examples":
        """The same rows without some features."""
        return replace(self, features=self.features.drop(columns=list(columns), errors="ignore"))

    def select_nights(self, nights: Sequence[date]) -> "Examples":
        """Only the rows of these nights."""
        rows, selected = np.isin(self.night, np.array(nights, dtype="datetime64[D]")), set(nights)
        return Examples(
            self.features[rows],
            self.labels[rows],
            self.night[rows],
            {name: groups[rows] for name, groups in self.slices.items()},
            tuple(night for night in self.nights if night in selected),
            tuple(night_join for night_join in self.joins if night_join.night in selected),
            tuple(entry for entry in self.left_out if entry[0] in selected),
        )

    def list_left_out(self) -> tuple[LeftOutNight, ...]:
        """Returns the nights that were read and gave no rows, as results keep them."""
        return tuple(LeftOutNight(night=night, reason=reason) for night, reason in self.left_out)

    def list_joins(self) -> tuple[JoinCounts, ...]:
        """Returns the counts of each night's join, as results keep them."""
        return tuple(night_join.list_counts() for night_join in self.joins)


class Past:
    """The rows of each looked-back dataset, sorted by night, from which each day gets only what came before it.

    A row's night stands in the column `night`, or, where the dataset has such a column itself, in `nightshift_night`.
    """

    def __init__(self, model: Model, tables: Mapping[str, Mapping[date, pd.DataFrame]]) -> None:
        self._window, self._period = model.window, model.schedule.period
        self._frames = {name: _stack_nights(name, nights) for name, nights in tables.items()}

    def select_before(self, day: date) -> dict[str, pd.DataFrame]:
        """Per dataset, the rows of the nights that features of `day` may look back on."""
        nights = windows.list_history(day, self._window, self._period)
        first, end = np.datetime64(nights[0] if nights else day), np.datetime64(day)
        return {name: _select_between(frame, night, first, end) for name, (frame, night) in self._frames.items()}


def _stack_nights(name: str, nights: Mapping[date, pd.DataFrame]) -> tuple[pd.DataFrame, str]:
    """The rows of all nights, and the name of the column with their night."""
    column = choose_free_name("night", {str(column_name) for frame in nights.values() for column_name in frame.columns})
    if not nights:
        return pd.DataFrame({column: pd.to_datetime([])}), column
    marked = [nights[night].assign(**{column: pd.Timestamp(night)}) for night in sorted(nights)]
    return stack_frames(marked, f"dataset {name}"), column


def _select_between(frame: pd.DataFrame, night: str, first: np.datetime64, end: np.datetime64) -> pd.DataFrame:
    start, stop = np.searchsorted(frame[night].to_numpy(), [first, end])
    return frame.iloc[start:stop]


def list_retired(model: Model) -> list[str]:
    """Features that are still made for a champion that learnt from them, and that challengers no longer see.

    A model's features.py names them in `RETIRED`; most have none.
    """
    return UserFunctions(model).list_retired()


def load_scheduled_features(lake: Lake, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scheduled rows of `day` and their features, same order. Raises `DataRejected` when the day is unusable."""
    model = lake.model
    code = UserFunctions(model)
    nights = lake.list_usable(windows.list_history(day, model.window, model.schedule.period)).nights
    past = Past(model, {d.name: lake.load_tables(d, nights) for d in _list_history_datasets(model)})
    lake.require(model.scheduled, day)
    scheduled = lake.load_tables(model.scheduled, [day])[day]
    require_keys(scheduled, model.key, f"scheduled rows of {day}")
    return scheduled, code.call_features(scheduled, past.select_before(day), day)


def load_examples(lake: Lake, nights: Sequence[date]) -> Examples:
    """Labelled rows of the given usable nights.

    A night of which too few rows find facts is left out. Raises `DataRejected` when no night remains.
    """
    model, code = lake.model, UserFunctions(lake.model)
    reach = lake.list_usable(windows.reach(tuple(nights), model.window, model.schedule.period)).nights
    tables = {d.name: lake.load_tables(d, reach) for d in _list_history_datasets(model)}
    scheduled, past = lake.load_tables(model.scheduled, nights), Past(model, tables)
    parts = [_load_day(code, model, day, (scheduled[day], tables[model.facts.name][day]), past) for day in nights]
    joins = tuple(part for result in parts for part in (result.joins if isinstance(result, Examples) else (result[0],)))
    tell(joins)
    left_out = tuple((result[0].night, result[1]) for result in parts if not isinstance(result, Examples))
    for night, reason in left_out:
        log.info("night %s is left out: %s", night, reason)
    parts_with_rows = [result for result in parts if isinstance(result, Examples)]
    if not parts_with_rows:
        first = f"{left_out[0][0]}: {left_out[0][1]}"
        raise DataRejected(
            f"model {model.name}: no night of {nights[0]} to {nights[-1]} gives a row; the first, {first}"
        )
    return replace(_concatenate(model, parts_with_rows), joins=joins, left_out=left_out)


def _list_history_datasets(model: Model) -> tuple[Dataset, ...]:
    return (model.facts, *model.context)


def _load_day(
    code: UserFunctions, model: Model, day: date, frames: tuple[pd.DataFrame, pd.DataFrame], past: Past
) -> Examples | tuple[NightJoin, str]:
    """The examples of a day; or, where it is left out, its counts and the reason."""
    scheduled, facts = frames
    joined = join(model, day, scheduled, facts)
    labels, counts = joined.join_labels(code.call_labels(facts, day))
    if reason := counts.find_objection(model.min_matched_share):
        return counts, reason
    known = np.isfinite(labels)
    groups = code.call_slices(scheduled, day)
    return Examples(
        code.call_features(scheduled, past.select_before(day), day)[known],
        labels[known],
        np.full(int(known.sum()), np.datetime64(day)),
        {name: groups[name][known] for name in model.gate.slices},
        (day,),
        (counts,),
    )


def _concatenate(model: Model, parts: Iterable[Examples]) -> Examples:
    listed = list(parts)
    _require_same_features(model, listed)
    first = list(listed[0].features)
    return Examples(
        pd.concat([part.features[first] for part in listed], ignore_index=True),
        np.concatenate([part.labels for part in listed]),
        np.concatenate([part.night for part in listed]),
        {name: np.concatenate([part.slices[name] for part in listed]) for name in listed[0].slices},
        tuple(night for part in listed for night in part.nights),
    )


def _require_same_features(model: Model, parts: Sequence[Examples]) -> None:
    """Raises `BadConfig` when a night's features are not those of the first: values would be missing."""
    first = parts[0]
    for part in parts[1:]:
        if other := sorted(set(map(str, part.features)) ^ set(map(str, first.features))):
            has = [f"{name} only for {(part if name in part.features else first).nights[0]}" for name in other[:5]]
            raise BadConfig(
                f"models/{model.name}/features.py: features() must return the same columns for every night; "
                f"it returns {', '.join(has)}"
            )
