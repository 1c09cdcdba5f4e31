"""Examples for models: validated nights of the lake, turned into features and labels day by day.

The features of a day are made from its schedule and from validated nights *before* it. Nothing later is handed to the
model's code, so a leak cannot come through here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nightshift.adapters.lake import Lake
from nightshift.core import windows
from nightshift.definition import Dataset, Model
from nightshift.errors import BadConfig, DataRejected

FrameOf = Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Examples:
    """Rows with a label, all in the same order.

    `features`: float columns; `labels`: floats without NaN; `night`: each row's day, datetime64; `slices`: a str array
    per slice of the gate; `nights`: those that gave rows.
    """

    features: pd.DataFrame
    labels: NDArray[np.float64]
    night: NDArray[np.datetime64]
    slices: Mapping[str, NDArray[np.str_]]
    nights: tuple[date, ...]

    def without(self, columns: Sequence[str]) -> "Examples":
        """The same rows without some features."""
        return replace(self, features=self.features.drop(columns=list(columns), errors="ignore"))

    def of(self, nights: Sequence[date]) -> "Examples":
        """Only the rows of these nights."""
        rows = np.isin(self.night, np.array(nights, dtype="datetime64[D]"))
        return Examples(
            self.features[rows],
            self.labels[rows],
            self.night[rows],
            {name: groups[rows] for name, groups in self.slices.items()},
            tuple(night for night in self.nights if night in set(nights)),
        )


class Past:
    """The rows of each looked-back dataset, sorted by night, from which each day gets only what came before it."""

    def __init__(self, model: Model, tables: Mapping[str, Mapping[date, pd.DataFrame]]) -> None:
        self._window, self._period = model.window, model.schedule.period
        self._frames = {name: _stacked(nights) for name, nights in tables.items()}

    def before(self, day: date) -> dict[str, pd.DataFrame]:
        """Per dataset, the rows of the nights that features of `day` may look back on."""
        nights = windows.history(day, self._window, self._period)
        first, end = np.datetime64(nights[0] if nights else day), np.datetime64(day)
        return {name: _between(frame, first, end) for name, frame in self._frames.items()}


def _stacked(nights: Mapping[date, pd.DataFrame]) -> pd.DataFrame:
    marked = [nights[n].assign(night=pd.Timestamp(n)) for n in sorted(nights)]
    return pd.concat(marked, ignore_index=True) if marked else pd.DataFrame({"night": pd.to_datetime([])})


def _between(frame: pd.DataFrame, first: np.datetime64, end: np.datetime64) -> pd.DataFrame:
    start, stop = np.searchsorted(frame["night"].to_numpy(), [first, end])
    return frame.iloc[start:stop]


def code_of(model: Model) -> ModuleType:
    """The module with the model's `features`, `labels` and `slices`. Raises `BadConfig` when it cannot be imported."""
    try:
        return import_module(f"models.{model.name}.features")
    except ImportError as error:
        raise BadConfig(f"models/{model.name}/features.py cannot be imported: {error}") from error


def retired(model: Model) -> list[str]:
    """Features that are still made for a champion that learnt from them, and that challengers no longer see.

    A model's features.py names them in `RETIRED`; most have none.
    """
    return list(getattr(code_of(model), "RETIRED", ()))


def scheduled_features(lake: Lake, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scheduled rows of `day` and their features, same order. Raises `DataRejected` when the day is unusable."""
    model = lake.model
    nights = lake.usable(windows.history(day, model.window, model.schedule.period)).nights
    past = Past(model, {d.name: lake.tables(d, nights) for d in _looked_back_on(model)})
    lake.require(model.scheduled, day)
    scheduled = lake.tables(model.scheduled, [day])[day]
    return scheduled, _features(code_of(model), model, scheduled, past, day)


def examples(lake: Lake, nights: Sequence[date]) -> Examples:
    """Labelled rows of the given usable nights. Raises `DataRejected` when there is not one."""
    model, code = lake.model, code_of(lake.model)
    reach = lake.usable(windows.reach(tuple(nights), model.window, model.schedule.period)).nights
    tables = {d.name: lake.tables(d, reach) for d in _looked_back_on(model)}
    scheduled, past = lake.tables(model.scheduled, nights), Past(model, tables)
    parts = [_day(code, model, day, (scheduled[day], tables[model.facts.name][day]), past) for day in nights]
    kept = [part for part in parts if len(part.labels)]
    if not kept:
        raise DataRejected(f"model {model.name}: no row of {nights[0]} to {nights[-1]} has a label")
    return _together(kept)


def _looked_back_on(model: Model) -> tuple[Dataset, ...]:
    return (model.facts, *model.context)


def _day(code: ModuleType, model: Model, day: date, frames: tuple[pd.DataFrame, pd.DataFrame], past: Past) -> Examples:
    scheduled, facts = frames
    labels = _labels(code, model, day, scheduled, facts)
    known = np.isfinite(labels)
    features = _features(code, model, scheduled, past, day)
    groups = code.slices(scheduled) if model.gate.slices else pd.DataFrame(index=scheduled.index)
    return Examples(
        features[known],
        labels[known],
        np.full(int(known.sum()), np.datetime64(day)),
        {name: groups[name].to_numpy(dtype=str)[known] for name in model.gate.slices},
        (day,),
    )


def _labels(
    code: ModuleType, model: Model, day: date, scheduled: pd.DataFrame, facts: pd.DataFrame
) -> NDArray[np.float64]:
    """The label of each scheduled row, found by key; NaN where there is none. Facts without a schedule are dropped."""
    key = list(model.key)
    for name, frame in (("schedule", scheduled), ("facts", facts)):
        if lacking := [column for column in key if column not in frame]:
            raise DataRejected(f"{name} of {day} lack the key columns {', '.join(lacking)}")
    happened = facts[key].assign(label=code.labels(facts))
    try:
        joined = scheduled[key].merge(happened, on=key, how="left", validate="one_to_one")
    except pd.errors.MergeError:
        # Not the error itself: it lists rows, and what is in them is nobody's business in a log.
        twice = {"schedule": int(scheduled.duplicated(key).sum()), "facts": int(facts.duplicated(key).sum())}
        said = ", ".join(f"{count} rows of {name} repeat a key" for name, count in twice.items())
        raise DataRejected(f"facts and schedule of {day} do not join on {', '.join(key)}: {said}") from None
    return joined["label"].to_numpy(dtype=np.float64)


def _features(code: ModuleType, model: Model, scheduled: pd.DataFrame, past: Past, day: date) -> pd.DataFrame:
    found: Any = code.features(scheduled, past.before(day), day)
    where = f"models/{model.name}/features.py: features() for {day}"
    if not isinstance(found, pd.DataFrame) or len(found) != len(scheduled):
        raise BadConfig(f"{where} must return a table with one row per scheduled row, in their order")
    try:
        return found.astype(np.float64).set_axis(scheduled.index, axis=0)
    except (ValueError, TypeError):
        other = [str(name) for name in found.columns if not pd.api.types.is_numeric_dtype(found[name])]
        raise BadConfig(f"{where} must return numbers only; it does not in: {', '.join(other)}") from None


def _together(parts: Iterable[Examples]) -> Examples:
    listed = list(parts)
    return Examples(
        pd.concat([part.features for part in listed], ignore_index=True),
        np.concatenate([part.labels for part in listed]),
        np.concatenate([part.night for part in listed]),
        {name: np.concatenate([part.slices[name] for part in listed]) for name in listed[0].slices},
        tuple(night for part in listed for night in part.nights),
    )
