"""The application that Airflow mounts at `/nightshift`: its routes, and what becomes of every error."""

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
from nightshift_airflow.ui.pages import base, problem, query
from nightshift_airflow.ui.paths import NotANight

STYLE = Path(__file__).parent / "style.css"


@cache
def application() -> FastAPI:
    """The application. It has no schema and no interactive documentation: it is for people."""
    app = FastAPI(title="Nightshift", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(docs.router)
    app.include_router(results.router)
    app.include_router(history.router)
    app.include_router(versions.router)
    app.add_api_route("/style.css", _style)
    app.add_api_route("/", _home)
    app.middleware("http")(_harden)
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)
    return app


def _style(user: User) -> FileResponse:
    del user
    return FileResponse(STYLE, media_type="text/css")


def _home(request: Request, user: User) -> RedirectResponse:
    del user
    return RedirectResponse(f"{base(request)}/docs")


async def _harden(request: Request, serve: Callable[[Request], Awaitable[Response]]) -> Response:
    """What every response says: take it for what it is called, keep no copy, tell nobody where one came from."""
    response = await serve(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """A browser without a valid login is led to it; anything else that asks is told so."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status not in (401, 403):
        return _missing(request, error)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": "log in to Airflow first"}, 401)
    here = request.url.path + query(dict(request.query_params))
    airflow = base(request).removesuffix("/nightshift")
    return RedirectResponse(f"{airflow}/api/v2/auth/login?{urlencode({'next': here})}")


def _missing(request: Request, error: Exception) -> Response:
    del error
    return problem(request, 404, "No such page", "there is nothing at this address: the index lists what there is")


def _forbidden(request: Request, error: Exception) -> Response:
    return problem(request, 403, "Not for you", str(error))


def _away(request: Request, error: Exception) -> Response:
    sentence = f"object storage does not answer, so that no page can be shown ({error}): try again in a moment"
    return problem(request, 503, "Storage is away", sentence)


def _misconfigured(request: Request, error: Exception) -> Response:
    return problem(request, 503, "This cannot be shown", f"a setting of the API server or a record is wrong: {error}")


def _bug(request: Request, error: Exception) -> Response:
    """The server logs the traceback; the page does not show it."""
    return problem(request, 500, "This should not happen", f"{type(error).__name__}: the API server's log says more")


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response | Awaitable[Response]]] = {
    HTTPException: _refused,
    RoutingError: _missing,
    RequestValidationError: _missing,
    NotANight: _missing,
    Forbidden: _forbidden,
    TryLater: _away,
    BadConfig: _misconfigured,
    Exception: _bug,
}
