"""Data Docs: the index, the pages of a night, and a single page.

A page in storage is HTML that somebody else may have written. It is shown in a sandboxed frame, and its own response
forbids everything: no script, no request, no cookie of Airflow.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from nightshift.adapters.gx import data_docs, data_docs_index
from nightshift.adapters.gx.data_docs_index import Wanted
from nightshift_airflow.ui import access, results
from nightshift_airflow.ui.pages import render_page, render_problem
from nightshift_airflow.ui.paths import NAME, CheckId, DatasetName, ModelName, Night
from nightshift_airflow.ui.stored import store

router = APIRouter(prefix="/docs")

PER_PAGE = 50
PAGE_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
ENTRY = r"^[0-9]{8}\.[a-z0-9_.]{1,120}\.json$"

OfModel = Annotated[str | None, Query(alias="model", pattern=NAME + "|^$")]
OfOutcome = Annotated[Literal["", "passed", "failed"] | None, Query(alias="outcome")]
After = Annotated[str | None, Query(pattern=ENTRY)]


@router.get("")
def show_index(
    request: Request, user: access.User, model: OfModel = None, outcome: OfOutcome = None, after: After = None
) -> HTMLResponse:
    """Shows all validations that the user may see, the newest night first."""
    readable = access.list_readable_models(user)
    selection = Wanted(frozenset(readable if not model else {model} & set(readable)), outcome or None)
    listing = data_docs_index.list_entries(store(), selection, after, PER_PAGE)
    return render_page(
        request, "index.html", models=readable, model=model, outcome=outcome, after=after, listing=listing
    )


@router.get("/{model}/{night}")
def show_night(request: Request, user: access.User, model: ModelName, night: Night) -> HTMLResponse:
    """Shows one night: how its steps ended, its validation pages, and those of earlier attempts."""
    access.require(user, model)
    validations = data_docs_index.list_entries_of_night(store(), model, night)
    steps = results.load_results(model, night)
    if not (validations or steps):
        return render_problem(request, 404, "Nothing yet", f"no step of {model} has ended for the night {night}")
    return render_page(request, "night.html", model=model, night=night, validations=validations, steps=steps)


@router.get("/{model}/{night}/{dataset}/{check}")
def show_frame(
    request: Request, user: access.User, model: ModelName, night: Night, dataset: DatasetName, check: CheckId
) -> HTMLResponse:
    """Shows one validation page, in a frame that gives it no rights."""
    access.require(user, model)
    entry = data_docs.find_published(store(), data_docs.check_folder(model, night, dataset, check))
    if entry is None:
        return _answer_missing(request)
    return render_page(request, "frame.html", model=model, night=night, dataset=dataset, check=check, entry=entry)


@router.get("/{model}/{night}/{dataset}/{check}/page")
def send_page(
    request: Request, user: access.User, model: ModelName, night: Night, dataset: DatasetName, check: CheckId
) -> Response:
    """Sends the stored page itself; the headers of its response forbid it everything."""
    access.require(user, model)
    html = store().get(store().build_uri(data_docs.check_folder(model, night, dataset, check) + "index.html"))
    if html is None:
        return _answer_missing(request)
    return HTMLResponse(html, headers={"Content-Security-Policy": PAGE_POLICY})


def _answer_missing(request: Request) -> HTMLResponse:
    return render_problem(request, 404, "No such page", "there is no validation page of this name: look in the index")
