"""A weekly model's lake: the week before checked what is scheduled for a week, and features look back on weeks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects
from nightshift.definition import Model, Schedule, Window
from nightshift.errors import DataRejected
from nightshift.lake import tables
from nightshift.lake.validated_nights import Lake
from nightshift.modelling import examples
from nightshift.modelling.inputs import plan_holdout, plan_training
from support.stored_results import make_dataset, make_validation

WEEK = timedelta(days=7)
LAST = date(2013, 3, 3)
NIGHTS = tuple(LAST - number * WEEK for number in range(8, -1, -1))
Validate = Callable[..., None]


@pytest.fixture
def weekly(model: Model) -> Model:
    """The shops model, asked once a week: two weeks to learn from, four to compare on, one to look back on."""
    window = Window(train_days=14, holdout_days=28, history_days=7)
    return replace(model, schedule=Schedule(cron="0 3 * * mon", days=7), window=window)


@pytest.fixture
def validate(store: ObjectStore, weekly: Model) -> Validate:
    """Stores the result that the validation of a week leaves behind."""

    def validate(night: date, schedule_failed: int = 0) -> None:
        entries = [
            make_dataset(
                dataset.name,
                partition=dataset.build_partition_uri(day),
                night=day,
                digest=digest_objects(store.list_objects(dataset.build_partition_uri(day))),
                content=f"rows of {digest_objects(store.list_objects(dataset.build_partition_uri(day)))}",
                rows=240,
                failed=failed,
            )
            for dataset, day, failed in (
                (weekly.facts, night, 0),
                (weekly.scheduled, night + weekly.schedule.period, schedule_failed),
            )
        ]
        step_results.save(store, make_validation(weekly.name, night, entries))

    return validate


@pytest.fixture
def lake(store: ObjectStore, weekly: Model, source: Any, validate: Validate) -> Lake:
    """Nine validated weeks, and what is scheduled for the tenth."""
    tables.write_partition(store, weekly.scheduled.build_partition_uri(NIGHTS[0]), source.make_openings(NIGHTS[0]))
    for night in NIGHTS:
        tables.write_partition(store, weekly.facts.build_partition_uri(night), source.make_sales(night))
        tables.write_partition(
            store, weekly.scheduled.build_partition_uri(night + WEEK), source.make_openings(night + WEEK)
        )
        validate(night)
    return Lake(store, weekly)


def test_a_week_can_be_learned_from_when_the_week_before_checked_its_schedule(lake: Lake) -> None:
    actual = lake.list_learnable(NIGHTS)
    assert actual.nights == NIGHTS[1:]
    ((night, reason),) = actual.left_out
    assert night == NIGHTS[0]
    assert f"the validation of {NIGHTS[0] - WEEK} does that" in reason


def test_a_schedule_that_failed_leaves_out_the_week_after(store: ObjectStore, lake: Lake, validate: Validate) -> None:
    validate(NIGHTS[2], schedule_failed=1)
    second = Lake(store, lake.model)
    assert second.list_learnable(NIGHTS[1:]).nights == tuple(night for night in NIGHTS[1:] if night != NIGHTS[3])
    with pytest.raises(DataRejected, match="its schedule failed validation"):
        second.require(lake.model.scheduled, NIGHTS[3])
    second.require(lake.model.scheduled, NIGHTS[4])


def test_what_train_and_evaluate_read_is_weeks_and_what_they_look_back_on(lake: Lake) -> None:
    plan = plan_training(lake, LAST)
    assert plan.train.nights == NIGHTS[3:5]
    assert plan.holdout.nights == NIGHTS[5:]
    assert plan.left_out == ()
    facts = {uri for uri in plan.inputs if uri.startswith(lake.model.facts.uri.split("{")[0])}
    assert facts == {lake.model.facts.build_partition_uri(night) for night in NIGHTS[2:]}
    assert plan_holdout(lake, LAST).holdout.nights == NIGHTS[5:]


def test_features_of_a_week_see_the_week_before_and_nothing_of_their_own(lake: Lake, source: Any) -> None:
    actual = examples.load_examples(lake, NIGHTS[5:])
    assert actual.nights == NIGHTS[5:]
    _, features = examples.load_scheduled_features(lake, LAST + WEEK)
    past = source.make_sales(LAST).groupby("shop")["sold_out"].mean()
    assert features["recent"].tolist() == pytest.approx(source.make_openings(LAST + WEEK)["shop"].map(past).tolist())
