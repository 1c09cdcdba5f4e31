"""Checks the night's partitions and their keys, and what their suites say; publishes every page before it says no.

Of every dataset is checked, whether it has a suite or not: its partition can be read and has rows, the key's columns
are there and comparable, hold no null, and no key is repeated (`nightshift.core.keys`).
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

import pandas as pd

from nightshift.adapters.gx import data_docs, pages, suites
from nightshift.adapters.gx.pages import Page
from nightshift.adapters.gx.suites import Suite
from nightshift.adapters.gx.validation_history import load_recent_rows
from nightshift.context import Context, build_idempotency_key
from nightshift.core import keys, volume, windows
from nightshift.core.check_failure import CheckFailure
from nightshift.definition import Dataset, Model
from nightshift.errors import DataRejected
from nightshift.instants import format_now
from nightshift.lake.read_partition import Reading
from nightshift.result_parts import CheckedDataset
from nightshift.results import Outcome, ValidateResult, ValidationFailed

log = logging.getLogger(__name__)

CORRUPTED = "_CORRUPTED.json"


def run(context: Context) -> Outcome[ValidateResult]:
    """Validates one night.

    Raises `ValidationFailed` when a partition is missing, unreadable or fails its suite, `BadConfig` for a day that is
    no night of the model.
    """
    windows.require_night(context.night, context.model.schedule)
    rows = load_recent_rows(context.store, context.model, context.night)
    checks = [
        _Check(context, dataset, night, rows.get(dataset.name, {})) for dataset, night in _list_partitions(context)
    ]
    results = [check.load_or_make_result() for check in checks]
    _enter(context, checks, results)
    for result in results:
        _tell(result)
    detail = ValidateResult(datasets=tuple(results))
    failed = [result for result in results if result.failed]
    if failed:
        raise ValidationFailed(_describe_refusal(failed), detail)
    return Outcome(summary=_describe_approval(results), detail=detail)


def _list_partitions(context: Context) -> Iterator[tuple[Dataset, date]]:
    """Each dataset, and the date of its partition: what is scheduled is known one period ahead."""
    for dataset in context.model.datasets:
        ahead = context.model.schedule.period if dataset is context.model.scheduled else timedelta()
        yield dataset, context.night + ahead


class _Check:
    """One partition and what it must satisfy. `rows`: of the dataset's recent validated partitions, by date."""

    def __init__(self, context: Context, dataset: Dataset, night: date, rows: dict[date, int]) -> None:
        self.context, self.dataset, self.night = context, dataset, night
        self.suite: Suite | None = suites.load(dataset.suite) if dataset.suite else None
        self.key = context.model.get_key(dataset)
        self.partition = dataset.build_partition_uri(night)
        self.reading = Reading(context.store, self.partition)
        self.parameters = _build_parameters(self.suite, context.model, night, rows) if self.suite else {}
        suite = self.suite.digest if self.suite else "no suite"
        inputs = f"{self.partition} {self.reading.identity} {suite} {sorted(self.parameters.items())}"
        self.id = build_idempotency_key(context, inputs)
        self.folder = data_docs.check_folder(context.model.name, context.night, dataset.name, self.id)

    def load_or_make_result(self) -> CheckedDataset:
        """The dataset's entry in the result: that of an earlier run over the same inputs, or a new one."""
        published = data_docs.find_published(self.context.store, self.folder)
        if published is not None:
            log.info("%s: the same partition was checked before, with the same suite", self.partition)
        # The same rows may lie in other objects than when they were checked.
        return self._make_result() if published is None else replace(published, digest=self.reading.physical)

    def _make_result(self) -> CheckedDataset:
        corrupted = _read_corruptions(self.context, self.partition)
        try:
            frame = self.reading.read_rows()
        except DataRejected as error:
            return self._publish_unreadable(str(error), corrupted)
        report = keys.check_key(frame, self.key)
        body, broken = self._check_suite(frame)
        failures = (*report.faults, *broken)
        page = self._build_page(len(frame), len(failures), corrupted, report.remarks)
        return self._publish_result(page, pages.report(page, body, failures), failures)

    def _check_suite(self, frame: pd.DataFrame) -> tuple[str, tuple[CheckFailure, ...]]:
        """The suite's part of the page, and what of it does not hold; nothing where there is no suite."""
        if self.suite is None:
            return "", ()
        # Importing Great Expectations costs seconds: a night that is missing or checked already does without.
        checking = import_module("nightshift.adapters.gx.expectations.checking")
        checked = checking.check(self.suite, frame, self.parameters)
        return checked.body, checked.failures

    @property
    def _expectations(self) -> int:
        """How many things are checked: that the partition is readable, the key, and the suite."""
        return 1 + (len(keys.CHECKS) if self.key else 0) + (self.suite.size if self.suite else 0)

    def _publish_unreadable(self, problem: str, corrupted: tuple[str, ...]) -> CheckedDataset:
        page = self._build_page(0, self._expectations, corrupted)
        failure = CheckFailure("partition_is_readable", None, problem)
        return self._publish_result(page, pages.render_unreadable(page, problem), (failure,))

    def _build_page(self, rows: int, failed: int, corrupted: tuple[str, ...], remarks: tuple[str, ...] = ()) -> Page:
        return Page(
            model=self.context.model.name,
            night=self.context.night.isoformat(),
            dataset=self.dataset.name,
            partition=self.partition,
            partition_night=self.night.isoformat(),
            suite=self.suite.name if self.suite else None,
            key=self.key,
            rows=rows,
            expectations=self._expectations,
            failed=failed,
            remarks=remarks,
            corrupted=corrupted,
        )

    def _publish_result(self, page: Page, html: bytes, failures: tuple[CheckFailure, ...]) -> CheckedDataset:
        result = CheckedDataset(
            dataset=page.dataset,
            suite=page.suite,
            suite_digest=self.suite.digest if self.suite else None,
            partition=page.partition,
            night=self.night,
            digest=self.reading.physical,
            content=self.reading.content,
            rows=page.rows,
            expectations=page.expectations,
            failed=page.failed,
            failures=failures,
            remarks=page.remarks,
            page=f"{self.folder}index.html",
            corrupted=bool(page.corrupted),
        )
        data_docs.publish(self.context.store, self.folder, html, result)
        return result


def _build_parameters(suite: Suite, model: Model, night: date, rows: dict[date, int]) -> dict[str, Any]:
    """What a suite may ask for; a partition of several days is named by its last."""
    fewest, most = volume.compute_bounds(suite.volume, volume.compute_usual(night, rows, model.schedule.days))
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


def _read_corruptions(context: Context, partition: str) -> tuple[str, ...]:
    """What the label of a deliberately corrupted copy says was altered; empty for true data.

    Only `nightshift seed` writes such copies. Of a label in anybody else's lake only its presence is said.
    """
    data = context.store.get(partition + CORRUPTED)
    if data is None:
        return ()
    return (context.model.replay and _read_label(data)) or ("it is not said what was altered",)


def _read_label(data: bytes) -> tuple[str, ...]:
    try:
        altered = json.loads(data)["altered"]
    except (ValueError, TypeError, LookupError):
        return ()
    return tuple(map(str, altered)) if isinstance(altered, list) else ()


def _enter(context: Context, checks: list[_Check], results: list[CheckedDataset]) -> None:
    entry = data_docs.Entry(
        model=context.model.name,
        night=context.night.isoformat(),
        validation=data_docs.build_validation_id(check.id for check in checks),
        outcome="failed" if any(result.failed for result in results) else "passed",
        validated=format_now(),
        datasets=tuple(result.summarize() for result in results),
    )
    data_docs.enter(context.store, entry)


def _tell(result: CheckedDataset) -> None:
    corrupted = " (CORRUPTED on purpose: a copy)" if result.corrupted else ""
    counts = f"{result.expectations - result.failed} of {result.expectations} expectations hold"
    log.info("%s of %s%s: %s, %d rows", result.dataset, result.night, corrupted, counts, result.rows)
    for failure in result.failures:
        log.info("  fails: %s", failure.sentence)
    for remark in result.remarks:
        log.info("  odd: %s", remark)


def _describe_approval(results: list[CheckedDataset]) -> str:
    expectations, rows = sum(result.expectations for result in results), sum(result.rows for result in results)
    return f"{len(results)} datasets pass: {expectations} expectations hold over {rows} rows"


def _describe_refusal(failed: list[CheckedDataset]) -> str:
    """One sentence: what failed by how much, the first reason, what failed besides, and where its page is."""
    first, *others = failed
    also = f", and so do {', '.join(map(_name_check, others))}" if others else ""
    return (
        f"{_name_check(first)} expectations{also}; first: {first.failures[0].sentence}; "
        f"page: {data_docs.build_view_path(first.page)}"
    )


def _name_check(result: CheckedDataset) -> str:
    corrupted = " (corrupted on purpose)" if result.corrupted else ""
    return f"{result.dataset} of {result.night}{corrupted} fails {result.failed} of {result.expectations}"
