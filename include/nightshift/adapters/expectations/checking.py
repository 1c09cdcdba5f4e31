"""Runs a suite over a table in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.exceptions import GreatExpectationsError

from nightshift.adapters.expectations import privacy, rendering, sentences
from nightshift.adapters.suites import Suite
from nightshift.errors import BadConfig

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Failure:
    """One expectation that does not hold: its type, its column (None: the table), and a sentence for people."""

    expectation: str
    column: str | None
    sentence: str


@dataclass(frozen=True)
class Checked:
    """What a suite says of a table. `body` is the page's content as HTML without scripts or references."""

    rows: int
    expectations: int
    failures: tuple[Failure, ...]
    body: str


def check(suite: Suite, frame: pd.DataFrame, parameters: Mapping[str, Any]) -> Checked:
    """Checks `frame` against `suite` with `parameters` filled in. Raises `BadConfig` for a suite that cannot run."""
    result = _run(suite.name, suite.expectations(parameters), frame)
    privacy.make_harmless(result, set(frame.columns))
    failed = [evr for evr in result.results if not evr.success]
    failures = tuple(Failure(evr.expectation_config.type, sentences.subject(evr), sentences.of(evr)) for evr in failed)
    return Checked(len(frame), len(result.results), failures, rendering.body(result))


def _run(name: str, expectations: list[dict[str, Any]], frame: pd.DataFrame) -> ExpectationSuiteValidationResult:
    suite = _suite(name, expectations)
    batch = _batches().get_batch(batch_parameters={"dataframe": frame})
    try:
        return batch.validate(suite, result_format=RESULT_FORMAT)
    except Exception as error:  # whatever it is, its message may quote a value: only its kind is told
        raise BadConfig(f"suite {name} cannot run over this table: {type(error).__name__}") from None


def _suite(name: str, expectations: list[dict[str, Any]]) -> ExpectationSuite:
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
def _batches() -> Any:
    """Where a frame becomes a batch: one context in memory for the whole process, which stores nothing."""
    in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=in_memory, progress_bars=ProgressBarsConfig(globally=False))
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("partition")
    return asset.add_batch_definition_whole_dataframe("whole")
