"""Declares the daily highs model. Standard library only: Airflow reads this file."""

from datetime import timedelta
from types import MappingProxyType

from nightshift.definition import Dataset, Gate, Model, Resources, Schedule, Window

DOCS = """\
**How warm does each day of the coming week get in Seattle?**

Every Monday each of the seven days that begin gets its highest temperature, from what is known by then: the date, and
what was observed in the four weeks up to Sunday. A promotion waits for a person.

| | |
|---|---|
| reads | `s3://lake/daily_highs/` (what was observed), `s3://lake/daily_highs_scheduled/` (the days to predict) |
| writes | `s3://nightshift/scores/daily_highs/date=<next Sunday>/`, degrees Celsius for each day of that week |
| label | `temp_max`, degrees Celsius |
| night | a Sunday: its partition holds the week that ends with it, Monday to Sunday |
| data | Seattle 2012 to 2015 by NOAA (public domain), from the package vega_datasets, replayed one week at a time |
| assumed | replayed under today's dates the seasons are moved with the weeks; they stay a year apart |

**What to do when it is red**

* `validate`: the week's data is broken. Open its Data Docs, have the partition landed again, clear the task. Until then
  the next week has no predictions, and later weeks leave this one out by name.
* `train`, `evaluate`, `promote`, `score`: the last line of the log says what failed and what to do; nothing half done
  is visible, so clearing the task is always safe.
* *skipped* `promote` is no failure: the challenger did not win, or nobody agreed to it. Its verdict is one click away.
"""

# A year of weeks is 364 rows: a step's memory is that of the libraries that it imports.
ALIAS_ONLY = Resources(cpu="100m", memory="128Mi", cpu_limit="1", memory_limit="1Gi", timeout=timedelta(minutes=20))
SMALL = Resources(cpu="250m", memory="512Mi", cpu_limit="1", memory_limit="1Gi", timeout=timedelta(minutes=10))

MODEL = Model(
    name="daily_highs",
    title="Daily highs in Seattle",
    task="regression",
    owner="weather-desk",
    docs=DOCS,
    facts=Dataset(
        name="observed",
        uri="s3://lake/daily_highs/date={night}/",
        suite="daily_highs",
        key=("day",),
    ),
    # Seven dates and nothing else, made by the calendar: there is nothing in them to validate.
    scheduled=Dataset(name="scheduled", uri="s3://lake/daily_highs_scheduled/date={night}/", key=("day",)),
    key=("day",),
    # A whole year to learn every season from, a whole season to compare on.
    window=Window(train_days=52 * 7, holdout_days=13 * 7, history_days=4 * 7),
    gate=Gate(
        metric="mae",
        # Degrees. Thirteen weeks have 2.7 at the median and 3.8 at worst; learned from shuffled days a model has 5.5.
        floor=4.0,
        # A week gives luck a seventh of the chances that nights do, and a person looks besides: over the record three
        # of 138 challengers won.
        confidence=0.95,
        slices=("ahead",),
        # Degrees: what a reader of the forecast would notice.
        max_slice_loss=0.3,
        # Thirteen weeks have 39 rows of days 1 to 3.
        min_slice_rows=30,
        # Degrees. A season can be warmer than the year learned from: 2.3 at most in the record.
        max_calibration_gap=3.0,
    ),
    # Mondays before work: the week that ended the evening before.
    schedule=Schedule(cron="30 4 * * mon", timezone="America/Los_Angeles", days=7),
    resources=MappingProxyType(
        {"validate": SMALL, "train": SMALL, "evaluate": SMALL, "promote": ALIAS_ONLY, "score": SMALL}
    ),
    tags=("regression", "weather", "weekly", "replayed"),
    replay=True,
    approval="human",
    # Whoever reads it on Monday morning may sleep over it.
    approval_timeout=timedelta(hours=36),
)
