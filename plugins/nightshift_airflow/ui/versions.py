"""The model card of a version, made at every request from what the view may read.

MLflow is not among that: its part is the copy that the version's model card left in the bucket. The page is made here
from data, so that its links work and nothing that was stored is shown as HTML.
"""

import os

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from nightshift.errors import BadConfig
from nightshift.model_card import render_card, stored_record
from nightshift.model_card.collect_record import collect
from nightshift.model_card.links import Links
from nightshift_airflow.ui import access
from nightshift_airflow.ui.pages import get_base_path, render_page, render_problem
from nightshift_airflow.ui.paths import ModelName, PictureName, VersionNumber
from nightshift_airflow.ui.stored import store

router = APIRouter()


@router.get("/versions/{model}/{number}")
def show_card(request: Request, user: access.User, model: ModelName, number: VersionNumber) -> HTMLResponse:
    """The model card of one version."""
    access.require(user, model)
    copy = stored_record.find_record(store(), model, number)
    try:
        card = collect(store(), model, number, copy, copied=True)
    except BadConfig as error:
        return render_problem(request, 404, "No such version", str(error))
    base_path = get_base_path(request)
    mlflow = os.environ.get("NIGHTSHIFT_MLFLOW_URL", "").rstrip("/") or None
    links = Links(view=base_path, airflow=base_path.removesuffix("/nightshift"), mlflow=mlflow)
    pictures = {name: f"{base_path}/versions/{model}/{number}/{name}" for name in card.pictures}
    return render_page(
        request, "version.html", model=model, number=number, body=render_card.render_body(card, links, pictures)
    )


@router.get("/versions/{model}/{number}/{name}")
def show_picture(
    request: Request, user: access.User, model: ModelName, number: VersionNumber, name: PictureName
) -> Response:
    """One picture of a version, as it was kept."""
    access.require(user, model)
    stored = stored_record.find_picture(store(), model, number, name)
    if stored is None:
        return render_problem(request, 404, "No such picture", f"no picture {name} of version {number} was kept")
    return Response(stored, media_type="image/png")


@router.get("/card.css")
def show_style(user: access.User) -> FileResponse:
    """The style of a model card."""
    del user
    return FileResponse(render_card.STYLE, media_type="text/css")
