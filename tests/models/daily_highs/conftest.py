"""The record of the daily highs model, and what the framework hands to its features."""

from collections.abc import Callable, Mapping
from datetime import date

import pandas as pd
import pytest

from models.daily_highs import features, source
from models.daily_highs.definition import MODEL
from nightshift.modelling.examples import Past

Record = Mapping[str, Mapping[date, pd.DataFrame]]
FeaturesOf = Callable[[Record, date], pd.DataFrame]


@pytest.fixture(scope="session")
def record() -> Record:
    return source.load_frames()


@pytest.fixture(scope="session")
def features_of() -> FeaturesOf:
    """The features of one week out of a record, by the framework's own way of cutting the past."""

    def of(record: Record, night: date) -> pd.DataFrame:
        past = Past(MODEL, {MODEL.facts.name: record[MODEL.facts.name]})
        return features.features(record[MODEL.scheduled.name][night], past.select_before(night), night)

    return of
