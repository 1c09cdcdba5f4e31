"""One challenger a night over the real flights of 2013, and its predictions for every later day.

Every night's challenger is fitted as `train` fits it (features, windows, estimator, seed by night). Its predictions for
the days after its training window are kept in one file, so that any gate can be replayed over the year without another
fit. Making the file takes about three minutes of one core, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.flights import features, source
from models.flights.definition import MODEL
from models.flights.estimator import estimator
from nightshift.core import windows
from nightshift.core.metrics import Floats
from nightshift.modelling.examples import Past

Tables = Mapping[str, Mapping[date, pd.DataFrame]]
WINDOW = MODEL.window
REACH = WINDOW.train_days + WINDOW.holdout_days
FIRST_DAY = source.FIRST + timedelta(days=WINDOW.history_days)
FIRST_NIGHT = FIRST_DAY + timedelta(days=REACH - 1)
LAST_NIGHT = source.REPLAYED_LAST


@dataclass(frozen=True)
class Year:
    """The labelled flights in order of day; `predictions[i]`: those of the challenger of `nights[i]` for the last
    rows.
    """

    day: NDArray[np.datetime64]
    labels: Floats
    nights: tuple[date, ...]
    predictions: tuple[NDArray[np.float32], ...]

    def find_rows(self, first: date, last: date) -> slice:
        """Returns the slice of the rows of these days, both included."""
        ends = np.array([first, last + timedelta(days=1)], dtype="datetime64[D]")
        start, stop = np.searchsorted(self.day, ends)
        return slice(int(start), int(stop))

    def find_holdout_rows(self, night: date) -> slice:
        """Returns the rows of the night's holdout."""
        return self.find_rows(night - timedelta(days=WINDOW.holdout_days - 1), night)

    def get_predictions(self, index: int, rows: slice) -> Floats:
        """Returns the predictions of the challenger of `nights[index]` for rows after its training window."""
        predictions = self.predictions[index]
        start = len(self.day) - len(predictions)
        return np.asarray(predictions[rows.start - start : rows.stop - start], dtype=np.float64)


def load_or_make_year(path: Path) -> Year:
    """Returns the year in `path`; makes and writes it there first if it is missing."""
    if not path.exists():
        _write(path)
    stored = np.load(path)
    nights = tuple(date.fromisoformat(str(night)) for night in stored["nights"])
    cuts = np.cumsum(stored["lengths"])[:-1]
    return Year(stored["day"], stored["labels"], nights, tuple(np.split(stored["predictions"], cuts)))


def _write(path: Path) -> None:
    table, labels, day = _load_examples()
    nights = windows.list_days(FIRST_NIGHT, LAST_NIGHT)
    predictions = [_predict(table, labels, day, night) for night in nights]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished.npz")
    np.savez(
        unfinished,
        day=day,
        labels=labels,
        nights=np.array([night.isoformat() for night in nights]),
        lengths=np.array([len(predicted) for predicted in predictions]),
        predictions=np.concatenate(predictions),
    )
    unfinished.rename(path)


def _predict(table: pd.DataFrame, labels: Floats, day: NDArray[np.datetime64], night: date) -> NDArray[np.float32]:
    """Returns the predictions of one night's challenger for every row after its training window."""
    ends = [night - timedelta(days=REACH - 1), night - timedelta(days=WINDOW.holdout_days - 1)]
    first, stop = np.searchsorted(day, np.array(ends, dtype="datetime64[D]"))
    fitted = estimator(night.toordinal()).fit(table.iloc[first:stop], labels[first:stop])
    return np.asarray(fitted.predict_proba(table.iloc[stop:])[:, 1], dtype=np.float32)


def _load_examples() -> tuple[pd.DataFrame, Floats, NDArray[np.datetime64]]:
    record = source.load_frames()
    past = Past(MODEL, {dataset.name: record[dataset.name] for dataset in (MODEL.facts, *MODEL.context)})
    built = (_build_day(record, past, day) for day in windows.list_days(FIRST_DAY, LAST_NIGHT))
    frames, labels, days = zip(*built, strict=True)
    return pd.concat(frames), np.concatenate(labels), np.concatenate(days)


def _build_day(record: Tables, past: Past, day: date) -> tuple[pd.DataFrame, Floats, NDArray[np.datetime64]]:
    key, scheduled, facts = list(MODEL.key), record["schedule"][day], record["flights"][day]
    joined = scheduled[key].merge(facts[key].assign(label=features.labels(facts)), on=key, validate="one_to_one")
    is_labelled = joined["label"].notna().to_numpy()
    labels = joined["label"].to_numpy()[is_labelled]
    frame = features.features(scheduled, past.select_before(day), day)[is_labelled]
    return frame, labels, np.full(len(labels), np.datetime64(day))
