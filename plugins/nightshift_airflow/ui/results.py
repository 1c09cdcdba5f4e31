"""The pages of the results of steps, and the redirect from a night to its MLflow run."""

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import as_json
from nightshift.definition import VERBS
from nightshift.result import Result
from nightshift_airflow.ui import access
from nightshift_airflow.ui.pages import page, problem
from nightshift_airflow.ui.paths import ModelName, Night, Verb
from nightshift_airflow.ui.stored import store

router = APIRouter()

ENTRY = re.compile(r"/([0-9]{6})\.json\Z")
RUN_ID = re.compile(r"\A[0-9a-f]{32}\Z")


def of_night(model: str, night: date) -> list[Result]:
    """Returns the results of the steps of one night that ended, in the order of the chain."""
    with ThreadPoolExecutor(len(VERBS)) as readers:
        loaded = readers.map(lambda verb: step_results.load(store(), model, night, verb), VERBS)
        return [result for result in loaded if result is not None]


@router.get("/runs/{model}/{night}/{verb}")
def show_result(
    request: Request, user: access.User, model: ModelName, night: Night, verb: Verb, raw: bool = False
) -> Response:
    """Shows the result of one step; with `raw` as it is stored."""
    access.require(user, model)
    result = step_results.load(store(), model, night, verb.value)
    if result is None:
        sentence = f"{verb.value} of {model} has left no result for {night}: it has not ended yet, or never ran"
        return problem(request, 404, "No result yet", sentence)
    if raw:
        return Response(as_json(result.as_dict()), media_type="application/json")
    version, entry = _find_version(result.detail), _find_entry(result.detail)
    detail = _order_detail(result.detail)
    return page(request, "result.html", result=result, detail=detail, version=version, entry=entry)


def _find_version(detail: Mapping[str, Any]) -> int | None:
    """Returns the version that a result is about: the challenger, or the one that was trained or scored with."""
    version = detail.get("challenger_version", detail.get("version"))
    return version if isinstance(version, int) else None


def _find_entry(detail: Mapping[str, Any]) -> int | None:
    """Returns the number of the ledger's entry that a result names."""
    match = ENTRY.search(str(detail.get("ledger") or ""))
    return int(match[1]) if match else None


def _order_detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the detail with the verdict first and the digests of the inputs last, as a table; stored it is sorted."""
    inputs, verdict = detail.get("inputs"), detail.get("verdict")
    digests = inputs if isinstance(inputs, Mapping) else {}
    others = {name: value for name, value in detail.items() if name not in ("verdict", "inputs")}
    last = {"inputs": [{"partition": uri, "digest": digest} for uri, digest in digests.items()]} if digests else {}
    joins = {"joins": [_flatten_join(counts) for counts in others["joins"]]} if others.get("joins") else {}
    return {**({"verdict": verdict} if verdict else {}), **others, **joins, **last}


def _flatten_join(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the counts of one night's join as the row of a table, the night first."""
    would_match = dict(counts.get("would_match") or {})
    others = {name: value for name, value in counts.items() if name not in ("night", "would_match")}
    return {
        "night": counts.get("night"),
        **others,
        "would_match": ", ".join(f"{name}: {count}" for name, count in would_match.items()),
    }


@router.get("/mlflow/{model}/{night}")
def redirect_to_run(request: Request, user: access.User, model: ModelName, night: Night) -> Response:
    """Redirects to the MLflow run of the night's challenger."""
    access.require(user, model)
    result = step_results.load(store(), model, night, "train")
    run_id = str(result.detail.get("run_id", "")) if result else ""
    if not RUN_ID.match(run_id):
        return problem(request, 404, "No run yet", f"train of {model} has made no MLflow run for the night {night}")
    server = os.environ.get("NIGHTSHIFT_MLFLOW_URL")
    if not server:
        return problem(request, 503, "MLflow's address is not known", "set NIGHTSHIFT_MLFLOW_URL for the API server")
    return RedirectResponse(f"{server.rstrip('/')}/#/runs/{run_id}")
