"""The record of the flights model, read once, and what the framework hands to its features."""

from datetime import date, timedelta

import pandas as pd
import pytest

from models.flights import features, source
from models.flights.definition import MODEL
from nightshift.core import windows
from nightshift.modelling.examples import Past
from support.flights_record import FeaturesOf, Record


@pytest.fixture(scope="session")
def record() -> Record:
    return source.load_frames()


@pytest.fixture(scope="session")
def features_of() -> FeaturesOf:
    """The features of one day out of a record, by the framework's own way of cutting the past."""

    def of(record: Record, day: date) -> pd.DataFrame:
        reach = windows.list_days(day - timedelta(days=20), day + timedelta(days=3))
        looked_back_on = {d.name: {n: record[d.name][n] for n in reach} for d in (MODEL.facts, *MODEL.context)}
        past = Past(MODEL, looked_back_on)
        return features.features(record["schedule"][day], past.select_before(day), day)

    return of
