"""Makes the pages: HTML without scripts, whose style is a file of the application."""

import re
from collections.abc import Mapping
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from nightshift_airflow.page_paths import PATH_IN_TEXT, VIEW

PAGE_KEY = re.compile(r"\Adocs/[a-z0-9_]+/[0-9]{4}-[0-9]{2}-[0-9]{2}/[a-z0-9_]+/[0-9a-f]{20}/index\.html\Z")
FOLDER = Path(__file__).parent / "templates"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render_page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Returns a page made from a template, which gets `base`, the path of the application, and `values`."""
    html = _ENVIRONMENT.get_template(template).render(base=get_base_path(request), **values)
    return HTMLResponse(html, status, headers={"Content-Security-Policy": POLICY})


def render_problem(request: Request, status: int, title: str, sentence: str) -> HTMLResponse:
    """Returns the page that says in a sentence why there is no other."""
    return render_page(request, "problem.html", status, title=title, sentence=sentence)


def get_base_path(request: Request) -> str:
    """Returns the path of the application, below that of Airflow."""
    return str(request.scope.get("root_path", ""))


def query(values: Mapping[str, str | None]) -> str:
    """Returns a query string of the values that are set, with its question mark; empty if none is."""
    parameters = {name: value for name, value in values.items() if value}
    return f"?{urlencode(parameters)}" if parameters else ""


def link_pages(text: str, base: str) -> Markup:
    """Returns a sentence of a step as HTML, in which the path of a page is a link."""
    parts = PATH_IN_TEXT.split(text)
    paths = [
        Markup('<a href="{}">{}</a>').format(base + path.removeprefix(VIEW), path)
        for path in PATH_IN_TEXT.findall(text)
    ]
    return Markup("").join(chain.from_iterable(zip_longest(map(escape, parts), paths, fillvalue="")))


def _is_page_key(value: object) -> bool:
    """Returns whether a value of a result is the key of a validation page, which can be shown."""
    return isinstance(value, str) and PAGE_KEY.match(value) is not None


_ENVIRONMENT.globals["query"] = query
_ENVIRONMENT.filters["linked"] = link_pages
_ENVIRONMENT.tests["page_key"] = _is_page_key
