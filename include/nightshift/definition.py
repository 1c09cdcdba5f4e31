"""What a model's folder declares: frozen dataclasses, standard library only, checked when they are made.

Airflow imports these when it parses a DAG file, so nothing heavy may be imported here.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

from nightshift.cron import require_cron, require_zone
from nightshift.definition_checks import require_apart, require_distinct, require_metric, require_types, require_uri
from nightshift.errors import BadConfig

Task = Literal["classification", "regression"]
Approval = Literal["automatic", "human"]
NAME = re.compile(r"\A[a-z][a-z0-9_]{0,39}\Z")
NIGHT = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
CPU = re.compile(r"\A[0-9]+(\.[0-9]+)?m?\Z")
QUANTITY = re.compile(r"\A[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi)?\Z")
FEWEST_BEYOND = 10
"""Resamples beyond a bound: fewer, and where it lies is chance."""
FEWEST_PERIODS = 4
"""Periods of a holdout: fewer say nothing of their own spread. A 99 % bound from three is 7 standard errors away."""
MOST_RETRIES, LONGEST_DELAY = 20, timedelta(hours=1)
VERBS = ("validate", "train", "evaluate", "promote", "score")


def parse_night(text: str) -> date:
    """The night that `text` names, as `YYYY-MM-DD` in ASCII digits. Raises `BadConfig` for anything else."""
    if not NIGHT.match(text):
        raise BadConfig(f"night {text[:40]!r} is not a date: write it as YYYY-MM-DD, for example 2013-02-09")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadConfig(f"night {text!r} is not a day of the calendar: {error}") from error


def parse_nights(text: str) -> tuple[date, date]:
    """The first and the last night that `FROM..TO` names. Raises `BadConfig` for anything else."""
    first, dots, last = text.partition("..")
    if not (dots and last):
        raise BadConfig(f"nights {text[:40]!r} are not a range: write FROM..TO, for example 2013-01-01..2013-02-28")
    nights = parse_night(first), parse_night(last)
    if nights[0] > nights[1]:
        raise BadConfig(f"nights {text!r} end before they begin: write the earlier night first")
    return nights


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise BadConfig(message)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset in the lake: a partition per night, plain Parquet files under `uri`.

    `uri` is a pattern such as `s3://lake/flights/date={night}/`. `suite` names the file
    `great_expectations/suites/<suite>.json` that every partition must satisfy; None: only what holds for every dataset
    is checked. `key`: the columns that no two rows of a partition may agree in, and that may not be null.
    """

    name: str
    uri: str
    suite: str | None = None
    key: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `BadConfig` for a name or a pattern that could not be used."""
        require_types(self)
        _require(bool(NAME.match(self.name)), f"dataset name {self.name!r} must match {NAME.pattern}")
        require_uri(f"dataset {self.name}", self.uri)
        require_distinct(f"dataset {self.name}: key", self.key)

    def build_partition_uri(self, night: date) -> str:
        """The URI of one night's partition, ending in a slash."""
        return self.uri.format(night=night.isoformat())


@dataclass(frozen=True, kw_only=True)
class Window:
    """How many nights a model learns from and is compared on, all counted in days.

    `history_days`: how many nights before a day its features may look back over (0: none).
    """

    train_days: int
    holdout_days: int
    history_days: int = 0

    def __post_init__(self) -> None:
        """Raises `BadConfig` for a window without days."""
        require_types(self)
        _require(self.train_days > 0 and self.holdout_days > 0, "train_days and holdout_days must be at least 1")
        _require(self.history_days >= 0, "history_days must not be negative")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """When a challenger may replace the champion.

    `metric`: roc_auc, log_loss, average_precision, brier (classification), rmse or mae (regression).
    `floor`: the worst value of the metric that may ever be promoted, in the metric's own units and direction.
    `confidence`: how sure the paired bootstrap must be, in (0.5, 1). Every night is another chance for luck: of equal
    challengers in the median 8 a year replace a champion at 0.95, and 1 at 0.99 (docs/statistics.md).
    `min_gain`: by how much the challenger must be better, in the metric's units (below 0: not worse by more than this).
    `slices`: columns of the features' slices frame in whose every group the challenger must not get worse by more than
    `max_slice_loss`. `resamples`: bootstrap resamples; at least ten must lie beyond the bound.
    `max_calibration_gap`: largest allowed gap between mean prediction and mean label on the holdout.
    """

    metric: str
    floor: float
    confidence: float = 0.99
    min_gain: float = 0.0
    slices: tuple[str, ...] = ()
    max_slice_loss: float = 0.0
    min_slice_rows: int = 200
    max_calibration_gap: float = 0.1
    resamples: int = 10_000

    def __post_init__(self) -> None:
        """Raises `BadConfig` for bounds that no comparison could meet."""
        require_types(self)
        require_distinct("gate slices", self.slices)
        require_metric("gate", self.metric)
        _require(self.max_calibration_gap > 0, "max_calibration_gap must be above 0")
        _require(self.min_slice_rows > 0, "min_slice_rows must be at least 1")
        _require(0.5 < self.confidence < 1, f"gate confidence {self.confidence} must lie between 0.5 and 1")
        _require(self.max_slice_loss >= 0, "max_slice_loss must not be negative")
        needed = math.ceil(round(FEWEST_BEYOND / (1 - self.confidence), 6))
        _require(
            self.resamples >= needed,
            f"gate resamples {self.resamples} are too few to find a bound at confidence {self.confidence}: "
            f"give at least {needed}",
        )


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one step's pod asks for and may use, as Kubernetes quantities, and how long it may run."""

    cpu: str = "500m"
    memory: str = "512Mi"
    cpu_limit: str = "1"
    memory_limit: str = "1Gi"
    timeout: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        """Raises `BadConfig` for a quantity that Kubernetes would not take."""
        require_types(self)
        for name in ("cpu", "memory", "cpu_limit", "memory_limit"):
            value = getattr(self, name)
            pattern, unit = (CPU, "CPUs") if name.startswith("cpu") else (QUANTITY, "memory")
            _require(bool(pattern.match(value)), f"resources {name}={value!r} is not a Kubernetes quantity of {unit}")
        _require(self.timeout >= timedelta(minutes=1), "a step's timeout must be at least a minute")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a run starts, what it processes, and what happens when a step fails.

    `cron` is evaluated in `timezone`. `days`: how many days one run processes, which is also how far the partitions of
    every dataset stand apart; the last of these days is the run's night, so that its data interval is
    [night − days + 1, night + 1 day). 1: nightly; 7: weekly, with a cron line that fires once a week. `retries`: how
    often a step that failed is tried again; tries that lost infrastructure used up are not counted.
    """

    cron: str = "0 0 * * *"
    timezone: str = "UTC"
    days: int = 1
    retries: int = 2
    retry_delay: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        """Raises `BadConfig` for a time zone that does not exist, or a cron line that could not work."""
        require_zone(self.timezone)
        require_cron(self.cron)
        for name, lowest, highest in (("days", 1, 31), ("retries", 0, MOST_RETRIES)):
            value = getattr(self, name)
            is_in = type(value) is int and lowest <= value <= highest
            _require(
                is_in, f"schedule {name} {value!r} must be a whole number that lies between {lowest} and {highest}"
            )
        is_delay = isinstance(self.retry_delay, timedelta) and timedelta() <= self.retry_delay <= timedelta(hours=1)
        _require(is_delay, f"schedule retry_delay {self.retry_delay!r} must be a timedelta of at most an hour")

    @property
    def period(self) -> timedelta:
        """How far two nights of the model are apart."""
        return timedelta(days=self.days)


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model: everything that the platform needs to know of it without importing a heavy library.

    `facts`: what happened, with the label; partition N is complete at the end of night N.
    `scheduled`: the rows to score; partition N is known at the end of night N - 1.
    `context`: further nightly datasets that features may look back on. `key` joins facts to scheduled rows.
    `min_matched_share`: the share of a night's scheduled rows that must find facts by key, 0 to 1; a night below it is
    left out of training and comparison by name, and never half used in silence.
    `replay`: True when `nightshift seed` can land this model's data from a package. `approval`: "human" when a person
    must agree to a promotion that the gate allows, within `approval_timeout`; nobody's answer is a refusal.
    """

    name: str
    title: str
    task: Task
    owner: str
    docs: str
    facts: Dataset
    scheduled: Dataset
    key: tuple[str, ...]
    window: Window
    gate: Gate
    context: tuple[Dataset, ...] = ()
    schedule: Schedule = Schedule()
    resources: Mapping[str, Resources] = field(default_factory=lambda: MappingProxyType({}))
    tags: tuple[str, ...] = ()
    min_matched_share: float = 0.9
    replay: bool = False
    approval: Approval = "automatic"
    approval_timeout: timedelta = timedelta(hours=12)

    def __post_init__(self) -> None:
        """Raises `BadConfig` for a definition that could not run, naming the model."""
        require_types(self)
        _require(bool(NAME.match(self.name)), f"model name {self.name!r} must match {NAME.pattern}")
        _require(bool(self.key), f"model {self.name}: key names no column")
        require_distinct(f"model {self.name}: key", self.key)
        require_metric(f"model {self.name}", self.gate.metric, self.task)
        _require(0 <= self.min_matched_share <= 1, f"model {self.name}: min_matched_share must lie between 0 and 1")
        _require(bool(self.owner and self.docs), f"model {self.name}: owner and docs are required")
        unknown = set(self.resources) - set(VERBS)
        _require(not unknown, f"model {self.name}: resources for unknown steps {sorted(unknown)}; known: {VERBS}")
        _require(self.approval in ("automatic", "human"), f"model {self.name}: approval {self.approval!r} is not known")
        _require(self.approval_timeout > timedelta(), f"model {self.name}: approval_timeout must be above 0")
        self._require_whole_periods()
        self._require_comparable()
        places = {dataset.name: dataset.build_partition_uri(date.min) for dataset in self.datasets}
        require_distinct(f"model {self.name}: dataset names", [dataset.name for dataset in self.datasets])
        require_apart(f"model {self.name}", places)

    def _require_whole_periods(self) -> None:
        for name in ("train_days", "holdout_days", "history_days"):
            days, period = getattr(self.window, name), self.schedule.days
            _require(days % period == 0, f"model {self.name}: {name}={days} must be a multiple of {period}, its period")

    def _require_comparable(self) -> None:
        days, fewest = self.window.holdout_days, FEWEST_PERIODS * self.schedule.days
        _require(
            days >= fewest,
            f"model {self.name}: holdout_days={days} is too short for a challenger ever to win: "
            f"give at least {fewest}, {FEWEST_PERIODS} of its periods",
        )

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """Every dataset of the model: facts, scheduled, then the context."""
        return (self.facts, self.scheduled, *self.context)

    def get_key(self, dataset: Dataset) -> tuple[str, ...]:
        """The key of a dataset: its own, or for facts and what is scheduled the model's, which joins the two."""
        joined = dataset.name in (self.facts.name, self.scheduled.name)
        return dataset.key or (self.key if joined else ())

    def get_resources(self, verb: str) -> Resources:
        """The resources of one step, or the defaults."""
        return self.resources.get(verb, Resources())
