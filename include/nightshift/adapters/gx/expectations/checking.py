"""Runs a suite over a table in memory."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.exceptions import GreatExpectationsError

from nightshift.adapters.gx.expectations import privacy, rendering, sentences
from nightshift.adapters.gx.expectations.comparing import Comparison, Compute, Refused, Route, Run
from nightshift.adapters.gx.expectations.computing import compute
from nightshift.adapters.gx.suites import Suite
from nightshift.core.check_failure import CheckFailure
from nightshift.errors import BadConfig

RESULT_FORMAT: dict[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}
PLACE, ROW = "nightshift_place", "nightshift_row"


@dataclass(frozen=True)
class Checked:
    """What a suite says of a table. `body` is the page's content as HTML without scripts or references."""

    rows: int
    expectations: int
    failures: tuple[CheckFailure, ...]
    body: str


def check(suite: Suite, frame: pd.DataFrame, parameters: Mapping[str, Any]) -> Checked:
    """Checks `frame` against `suite` with `parameters` filled in. Raises `BadConfig` for a suite that cannot run."""
    result = _run(suite.name, suite.list_expectations(parameters), frame)
    privacy.make_harmless(result, set(frame.columns), len(frame))
    failed = [evr for evr in result.results if not evr.success]
    failures = tuple(
        CheckFailure(evr.expectation_config.type, sentences.name_subject(evr), sentences.describe_failure(evr))
        for evr in failed
    )
    return Checked(len(frame), len(result.results), failures, rendering.render_body(result))


def _run(name: str, expectations: list[dict[str, Any]], frame: pd.DataFrame) -> ExpectationSuiteValidationResult:
    """The results in the order of the suite, each about its expectation as it is written."""
    suite = _build_suite(name, expectations)
    comparison = Comparison(frame)
    routes = [comparison.choose(expectation) for expectation in expectations]
    batch_results = _run_batches(name, routes)
    for place, (written, route) in enumerate(zip(suite.expectations, routes, strict=True)):
        if place not in batch_results:
            batch_results[place] = _build_result(name, route)
        batch_results[place].expectation_config = written.configuration
    results = [batch_results[place] for place in range(len(routes))]
    held = sum(bool(evr.success) for evr in results)
    return ExpectationSuiteValidationResult(
        success=held == len(results), results=results, suite_name=name, statistics=_count(len(results), held)
    )


def _count(results: int, held: int) -> dict[str, Any]:
    """The numbers that head the page."""
    return {
        "evaluated_expectations": results,
        "successful_expectations": held,
        "unsuccessful_expectations": results - held,
        "success_percent": 100 * held / results,
    }


def _run_batches(name: str, routes: Sequence[Route]) -> dict[int, ExpectationValidationResult]:
    """What Great Expectations checks, in one go for each table: results by the place in the suite."""
    tables: dict[int, list[int]] = {}
    for place, route in enumerate(routes):
        if isinstance(route, Run):
            tables.setdefault(id(route.frame), []).append(place)
    results: dict[int, ExpectationValidationResult] = {}
    for places in tables.values():
        runs = {place: route for place in places if isinstance(route := routes[place], Run)}
        marked = [{**run.expectation, "meta": {PLACE: place}} for place, run in runs.items()]
        for evr in _validate(name, marked, _assemble(list(runs.values()))).results:
            results[evr.expectation_config.meta[PLACE]] = evr
    return results


def _assemble(runs: Sequence[Run]) -> pd.DataFrame:
    """The one table of these runs, with the columns that each adds."""
    frame = runs[0].frame
    added = {name: values for run in runs for name, values in run.added.items()}
    ranks = {name: np.array(values, dtype="float64") for name, values in added.items()}
    return pd.concat([frame, pd.DataFrame(ranks, index=frame.index)], axis=1) if ranks else frame


def _validate(
    name: str, expectations: list[dict[str, Any]], frame: pd.DataFrame, form: dict[str, Any] = RESULT_FORMAT
) -> ExpectationSuiteValidationResult:
    batch = _build_batches().get_batch(batch_parameters={"dataframe": frame})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning may quote a value: a zone in a text that is parsed as a date
            return batch.validate(_build_suite(name, expectations), result_format=form)
    except Exception as error:  # whatever it is, its message may quote a value: only its kind is told
        raise BadConfig(f"suite {name} cannot run over this table: {type(error).__name__}") from None


def _build_result(name: str, route: Route) -> ExpectationValidationResult:
    """The result of what Great Expectations cannot compare."""
    if isinstance(route, Compute):
        rows = _find_rows(name, route)
        columns = [[column[row] for row in rows] for column in route.columns]
        computed = compute(route.expectation["type"], route.expectation["kwargs"], columns)
        return ExpectationValidationResult(success=computed.success, result=computed.result)
    reason = route.reason if isinstance(route, Refused) else ""
    return ExpectationValidationResult(success=False, exception_info={"raised_exception": True, "reason": reason})


def _find_rows(name: str, route: Compute) -> Sequence[int]:
    """The rows that an expectation is about: all, or those that its condition lets through."""
    kwargs = route.expectation["kwargs"]
    if not kwargs.get("row_condition"):
        return range(len(route.frame))
    # No row's number is null, so that every row of the condition is unexpected and is listed.
    numbered = route.frame.assign(**{ROW: range(len(route.frame))})
    condition = {key: kwargs[key] for key in ("row_condition", "condition_parser") if key in kwargs}
    listing = {"type": "expect_column_values_to_be_null", "kwargs": {"column": ROW, **condition}}
    (evr,) = _validate(name, [listing], numbered, {"result_format": "COMPLETE"}).results
    return [int(row) for row in evr.result["unexpected_list"]]


def _build_suite(name: str, expectations: list[dict[str, Any]]) -> ExpectationSuite:
    """The suite. Raises `BadConfig`, also for an expectation that the library leaves out with only a log line."""
    try:
        suite = ExpectationSuite(name=name, expectations=expectations)
        if len(suite.expectations) != len(expectations):
            wrong = [e["type"] for e in expectations if not ExpectationSuite(name=name, expectations=[e]).expectations]
            raise ValueError(f"there is no expectation {', '.join(wrong)}, or its kwargs are wrong")
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise BadConfig(f"suite {name} cannot run: {' '.join(str(error).split())[:300]}") from error
    return suite


@cache
def _build_batches() -> Any:
    """Where a frame becomes a batch: one context in memory for the whole process, which stores nothing."""
    in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=in_memory, progress_bars=ProgressBarsConfig(globally=False))
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("partition")
    return asset.add_batch_definition_whole_dataframe("whole")
