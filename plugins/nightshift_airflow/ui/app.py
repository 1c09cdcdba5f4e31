"""The application that Airflow mounts at `/nightshift`: its routes, and the page of every error."""

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as RoutingError

from nightshift.errors import BadConfig, TryLater
from nightshift_airflow.ui import docs, history, results, versions
from nightshift_airflow.ui.access import Forbidden, User
from nightshift_airflow.ui.pages import get_base_path, query, render_problem
from nightshift_airflow.ui.paths import NotANight

STYLE = Path(__file__).parent / "style.css"


@cache
def build_application() -> FastAPI:
    """Returns the application. It has no schema and no interactive documentation: it is for people."""
    app = FastAPI(title="Nightshift", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(docs.router)
    app.include_router(results.router)
    app.include_router(history.router)
    app.include_router(versions.router)
    app.add_api_route("/style.css", _send_style)
    app.add_api_route("/", _redirect_home)
    app.middleware("http")(_harden)
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)
    return app


def _send_style(user: User) -> FileResponse:
    del user
    return FileResponse(STYLE, media_type="text/css")


def _redirect_home(request: Request, user: User) -> RedirectResponse:
    del user
    return RedirectResponse(f"{get_base_path(request)}/docs")


async def _harden(request: Request, serve: Callable[[Request], Awaitable[Response]]) -> Response:
    """Adds the headers of every response: its type is as declared, it is not cached, other sites get no referrer."""
    response = await serve(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


async def _answer_refused(request: Request, error: Exception) -> Response:
    """Redirects a browser without a valid login to the login page; answers any other client with 401."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status not in (401, 403):
        return _answer_missing(request, error)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": "log in to Airflow first"}, 401)
    current = request.url.path + query(dict(request.query_params))
    airflow = get_base_path(request).removesuffix("/nightshift")
    return RedirectResponse(f"{airflow}/api/v2/auth/login?{urlencode({'next': current})}")


def _answer_missing(request: Request, error: Exception) -> Response:
    del error
    return render_problem(request, 404, "No such page", "there is nothing at this address: the index lists every page")


def _answer_forbidden(request: Request, error: Exception) -> Response:
    return render_problem(request, 403, "No access", str(error))


def _answer_unavailable(request: Request, error: Exception) -> Response:
    sentence = f"object storage does not answer, so no page can be shown ({error}): try again in a moment"
    return render_problem(request, 503, "Storage unavailable", sentence)


def _answer_misconfigured(request: Request, error: Exception) -> Response:
    return render_problem(
        request, 503, "This cannot be shown", f"a setting of the API server or a record is wrong: {error}"
    )


def _answer_bug(request: Request, error: Exception) -> Response:
    """Returns the page of an unexpected error. The server logs the traceback; the page does not show it."""
    return render_problem(
        request, 500, "Internal error", f"{type(error).__name__}: the API server's log has the details"
    )


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response | Awaitable[Response]]] = {
    HTTPException: _answer_refused,
    RoutingError: _answer_missing,
    RequestValidationError: _answer_missing,
    NotANight: _answer_missing,
    Forbidden: _answer_forbidden,
    TryLater: _answer_unavailable,
    BadConfig: _answer_misconfigured,
    Exception: _answer_bug,
}
