"""Promotions: the champion of each model and what last night decided; and the ledger of one model, newest first."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from nightshift.adapters.s3 import ledger_reading
from nightshift.model_card import sentences
from nightshift.model_card.links import Links
from nightshift_airflow.ui import access
from nightshift_airflow.ui.champion_status import read_status, read_statuses
from nightshift_airflow.ui.pages import get_base_path, render_page, render_problem
from nightshift_airflow.ui.paths import ModelName
from nightshift_airflow.ui.stored import store

router = APIRouter(prefix="/history")

PER_PAGE = 50
Before = Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,8}$")]


@router.get("")
def show_index(request: Request, user: access.User) -> HTMLResponse:
    """Every model that the user may see: its champion, since when, and its last night."""
    return render_page(request, "promotions.html", statuses=read_statuses(access.list_readable_models(user)))


@router.get("/{model}")
def show_model(request: Request, user: access.User, model: ModelName, before: Before = None) -> HTMLResponse:
    """The ledger of one model, a page of entries at a time."""
    access.require(user, model)
    status = read_status(model)
    newest = ledger_reading.find_last_number(store(), model)
    last = min(newest, int(before) - 1) if before else newest
    if before and last < 1:
        return render_problem(request, 404, "No such page", f"the ledger of {model} has no entry before {before}")
    first = max(1, last - PER_PAGE + 1)
    reading = ledger_reading.read(store(), model, first, last)
    links = Links(airflow=get_base_path(request).removesuffix("/nightshift"))
    span = {"first": first, "last": last, "newest": newest}
    return render_page(
        request,
        "history.html",
        model=model,
        champion_status=status,
        reading=reading,
        span=span,
        links=links,
        sentences=sentences,
    )
