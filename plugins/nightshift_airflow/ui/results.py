"""The pages of the results of steps, and the redirect from a night to its MLflow run."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import to_json
from nightshift.definition import VERBS
from nightshift.results import EvaluateResult, PromoteResult, Result, ScoreResult, StepDetail, TrainResult
from nightshift.stored_records import to_plain
from nightshift_airflow.ui import access
from nightshift_airflow.ui.pages import render_page, render_problem
from nightshift_airflow.ui.paths import ModelName, Night, Verb
from nightshift_airflow.ui.stored import store

router = APIRouter()

ENTRY = re.compile(r"/([0-9]{6})\.json\Z")
RUN_ID = re.compile(r"\A[0-9a-f]{32}\Z")


def load_results(model: str, night: date) -> list[Result[Any]]:
    """Returns the results of the steps of one night that ended, in the order of the chain."""
    with ThreadPoolExecutor(len(VERBS)) as readers:
        loaded = readers.map(lambda verb: step_results.load_any(store(), model, night, verb), VERBS)
        return [result for result in loaded if result is not None]


@router.get("/runs/{model}/{night}/{verb}")
def show_result(
    request: Request, user: access.User, model: ModelName, night: Night, verb: Verb, raw: bool = False
) -> Response:
    """Shows the result of one step; with `raw` as it is stored."""
    access.require(user, model)
    result = step_results.load_any(store(), model, night, verb.value)
    if result is None:
        sentence = f"{verb.value} of {model} has left no result for {night}: it has not ended yet, or never ran"
        return render_problem(request, 404, "No result yet", sentence)
    if raw:
        return Response(to_json(to_plain(result)), media_type="application/json")
    version, entry = _find_version(result.detail), _find_entry(result.detail)
    detail = _order_detail(to_plain(result.detail) or {})
    return render_page(request, "result.html", result=result, detail=detail, version=version, entry=entry)


def _find_version(detail: StepDetail | None) -> int | None:
    """Returns the version that a result is about: the challenger, or the one that was trained or scored with."""
    if isinstance(detail, EvaluateResult | PromoteResult):
        return detail.challenger_version
    return detail.version if isinstance(detail, TrainResult | ScoreResult) else None


def _find_entry(detail: StepDetail | None) -> int | None:
    """Returns the number of the ledger's entry that a result names."""
    match = ENTRY.search(detail.ledger) if isinstance(detail, PromoteResult) else None
    return int(match[1]) if match else None


def _order_detail(detail: dict[str, Any]) -> dict[str, Any]:
    """Returns the detail as plain JSON types, in the order of its type, with what is long as tables at the end."""
    inputs = [{"partition": uri, "digest": digest} for uri, digest in detail.get("inputs", {}).items()]
    joins = [_flatten_join(counts) for counts in detail.get("joins", ())]
    tables = {"joins": joins, "inputs": inputs}
    others = {name: value for name, value in detail.items() if name not in tables}
    return {**others, **{name: table for name, table in tables.items() if table}}


def _flatten_join(counts: dict[str, Any]) -> dict[str, Any]:
    """Returns the counts of one night's join as the row of a table."""
    return {**counts, "would_match": ", ".join(f"{name}: {count}" for name, count in counts["would_match"].items())}


@router.get("/mlflow/{model}/{night}")
def redirect_to_run(request: Request, user: access.User, model: ModelName, night: Night) -> Response:
    """Redirects to the MLflow run of the night's challenger."""
    access.require(user, model)
    result = step_results.load(store(), model, night, TrainResult)
    run_id = result.detail.run_id if result and result.detail else ""
    if not RUN_ID.match(run_id):
        return render_problem(
            request, 404, "No run yet", f"train of {model} has made no MLflow run for the night {night}"
        )
    server = os.environ.get("NIGHTSHIFT_MLFLOW_URL")
    if not server:
        return render_problem(
            request, 503, "MLflow's address is not known", "set NIGHTSHIFT_MLFLOW_URL for the API server"
        )
    return RedirectResponse(f"{server.rstrip('/')}/#/runs/{run_id}")
