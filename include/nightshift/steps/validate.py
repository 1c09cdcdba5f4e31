"""Checks the night's partitions against their suites; publishes every page before it says no.

Detail of the result: `datasets`, a list with for each dataset that has a suite `dataset`, `suite`, `partition` (URI),
`night` (of the partition: the schedule's is one period later), `digest` (of the partition's objects), `rows`,
`expectations` and `failed` (counts), `failures` (`expectation`, `column`, `sentence`), `page` (object key), `planted`.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

from nightshift.adapters import docs, pages, suites, tables
from nightshift.adapters.history import recent_rows
from nightshift.adapters.pages import Page
from nightshift.adapters.storage import digest
from nightshift.adapters.suites import Suite
from nightshift.core import volume, windows
from nightshift.definition import Dataset, Model
from nightshift.errors import DataRejected
from nightshift.result import Outcome
from nightshift.steps import Step, idempotency_key

log = logging.getLogger(__name__)

PLANTED = "_PLANTED.json"


def run(step: Step) -> Outcome:
    """Validates one night.

    Raises `DataRejected` when a partition is missing, unreadable or fails its suite, `BadConfig` for a day that is no
    night of the model.
    """
    windows.require_night(step.night, step.model.schedule)
    if not any(dataset.suite for dataset in step.model.datasets):
        return Outcome(
            summary=f"no dataset of {step.model.name} has a suite: nothing was checked", detail={"datasets": []}
        )
    rows = recent_rows(step.store, step.model, step.night)
    checks = [_Check(step, dataset, night, rows.get(dataset.name, {})) for dataset, night in _partitions(step)]
    results = [check.result() for check in checks]
    _enter(step, checks, results)
    for result in results:
        _tell(result)
    detail = {"datasets": results}
    failed = [result for result in results if result["failed"]]
    if failed:
        raise DataRejected(_refusal(failed), detail)
    return Outcome(summary=_approval(results), detail=detail)


def _partitions(step: Step) -> Iterator[tuple[Dataset, date]]:
    """Each dataset with a suite, and the date of its partition: what is scheduled is known one period ahead."""
    for dataset in step.model.datasets:
        ahead = step.model.schedule.period if dataset is step.model.scheduled else timedelta()
        if dataset.suite:
            yield dataset, step.night + ahead


class _Check:
    """One partition and its suite. `rows`: of the dataset's recent validated partitions, by date."""

    def __init__(self, step: Step, dataset: Dataset, night: date, rows: dict[date, int]) -> None:
        self.step, self.dataset, self.night = step, dataset, night
        self.suite: Suite = suites.load(dataset.suite or "")
        self.partition = dataset.partition(night)
        self.digest = digest(step.store.objects(self.partition))
        self.parameters = _parameters(self.suite, step.model, night, rows)
        inputs = f"{self.partition} {self.digest} {self.suite.digest} {sorted(self.parameters.items())}"
        self.id = idempotency_key(step, inputs)
        self.folder = docs.check_folder(step.model.name, step.night, dataset.name, self.id)

    def result(self) -> dict[str, Any]:
        """The dataset's entry in the result: that of an earlier run over the same inputs, or a new one."""
        found = docs.found(self.step.store, self.folder)
        if found is not None:
            log.info("%s: the same partition was checked before, with the same suite", self.partition)
        return found if found is not None else self._new()

    def _new(self) -> dict[str, Any]:
        planted = _planted(self.step, self.partition)
        try:
            frame = tables.read(self.step.store, self.partition)
        except DataRejected as error:
            return self._unreadable(str(error), planted)
        # Importing Great Expectations costs seconds: a night that is missing or checked already does without.
        checked = import_module("nightshift.adapters.expectations.checking").check(self.suite, frame, self.parameters)
        failures = [vars(failure) for failure in checked.failures]
        page = self._page(checked.rows, checked.expectations, len(failures), planted)
        return self._published(page, pages.report(page, checked.body, failures), failures)

    def _unreadable(self, problem: str, planted: tuple[str, ...]) -> dict[str, Any]:
        page = self._page(0, self.suite.size, self.suite.size, planted)
        failure = {"expectation": "partition_is_readable", "column": None, "sentence": problem}
        return self._published(page, pages.unreadable(page, problem), [failure])

    def _page(self, rows: int, expectations: int, failed: int, planted: tuple[str, ...]) -> Page:
        return Page(
            model=self.step.model.name,
            night=self.step.night.isoformat(),
            dataset=self.dataset.name,
            partition=self.partition,
            partition_night=self.night.isoformat(),
            suite=self.suite.name,
            rows=rows,
            expectations=expectations,
            failed=failed,
            planted=planted,
        )

    def _published(self, page: Page, html: bytes, failures: list[dict[str, Any]]) -> dict[str, Any]:
        result = {
            "dataset": page.dataset,
            "suite": page.suite,
            "partition": page.partition,
            "night": page.partition_night,
            "digest": self.digest,
            "rows": page.rows,
            "expectations": page.expectations,
            "failed": page.failed,
            "failures": failures,
            "page": f"{self.folder}index.html",
            "planted": bool(page.planted),
        }
        docs.publish(self.step.store, self.folder, html, result)
        return result


def _parameters(suite: Suite, model: Model, night: date, rows: dict[date, int]) -> dict[str, Any]:
    """What a suite may ask for; a partition of several days is named by its last."""
    fewest, most = volume.bounds(suite.volume, volume.usual(night, rows, model.schedule.days))
    last = datetime(night.year, night.month, night.day, tzinfo=UTC)
    first = last - model.schedule.period + timedelta(days=1)
    return {
        "night": last.replace(tzinfo=None),
        "first_day": first.replace(tzinfo=None),
        # An instant of the partition's days, in any time zone of the world.
        "day_begin": first - timedelta(hours=14),
        "day_end": last + timedelta(hours=36),
        "rows_min": fewest,
        "rows_max": most,
    }


def _planted(step: Step, partition: str) -> tuple[str, ...]:
    """What the label of a deliberately corrupted copy says was altered; empty for true data."""
    label = step.store.get_json(partition + PLANTED)
    return () if label is None else tuple(map(str, label.get("altered") or ["it is not said what was altered"]))


def _enter(step: Step, checks: list[_Check], results: list[dict[str, Any]]) -> None:
    entry = docs.Entry(
        model=step.model.name,
        night=step.night.isoformat(),
        validation=docs.validation_of(check.id for check in checks),
        outcome="failed" if any(result["failed"] for result in results) else "passed",
        validated=datetime.now(UTC).isoformat(timespec="seconds"),
        datasets=tuple({name: value for name, value in result.items() if name != "failures"} for result in results),
    )
    docs.enter(step.store, entry)


def _tell(result: dict[str, Any]) -> None:
    planted = " (PLANTED: a copy that was corrupted on purpose)" if result["planted"] else ""
    counts = f"{result['expectations'] - result['failed']} of {result['expectations']} expectations hold"
    log.info("%s of %s%s: %s, %d rows", result["dataset"], result["night"], planted, counts, result["rows"])
    for failure in result["failures"]:
        log.info("  fails: %s", failure["sentence"])


def _approval(results: list[dict[str, Any]]) -> str:
    expectations = sum(result["expectations"] for result in results)
    rows = sum(result["rows"] for result in results)
    return f"{len(results)} datasets pass: {expectations} expectations hold over {rows} rows"


def _refusal(failed: list[dict[str, Any]]) -> str:
    """One sentence: what failed by how much, the first reason, what failed besides, and where its page is."""
    first, *others = failed
    also = f", and so do {', '.join(map(_named, others))}" if others else ""
    reason, page = first["failures"][0]["sentence"], docs.path_in_view(first["page"])
    return f"{_named(first)} expectations{also}; first: {reason}; page: {page}"


def _named(result: dict[str, Any]) -> str:
    planted = " (planted)" if result["planted"] else ""
    return f"{result['dataset']} of {result['night']}{planted} fails {result['failed']} of {result['expectations']}"
