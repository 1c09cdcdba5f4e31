"""The buttons on every task's page: stable paths of Nightshift's own view, made without asking anyone.

Airflow stores a link when the task ends, whichever way it ends; the view finds the page when the link is followed.
"""

import re
from datetime import date
from typing import Protocol
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

VIEW = "/nightshift"
PATH_IN_TEXT = re.compile(r"(?<![^\s(])/nightshift/docs/[a-z0-9_]+/\d{4}-\d\d-\d\d[a-z0-9_/]*", re.ASCII)


class OfNight(Protocol):
    """What a link needs to know of a step; `night` is None when the run named none that could be used."""

    model: str
    verb: str
    night: date | None


def path(*parts: str) -> str:
    """A path below the view, under the path that Airflow itself is served at."""
    prefix = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return "/".join((prefix + VIEW, *parts))


def with_addresses(text: str) -> str:
    """A line of a step's log, in which a path of the view becomes an address that can be followed.

    A step does not know where Airflow is served. Without Airflow's `[api] base_url` the path stays.
    """
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return PATH_IN_TEXT.sub(lambda found: base + found.group(), text)


def _path(operator: OfNight, *parts: str) -> str:
    """A path about the operator's night; the view's first page without one."""
    return path(*parts) if operator.night else path("docs")


class ResultLink(BaseOperatorLink):
    """The result of the step: what it decided and its numbers."""

    name = "Result"

    def get_link(self, operator: OfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """The path of the step's result."""
        del ti_key
        return _path(operator, "runs", operator.model, str(operator.night), operator.verb)


class DataDocsLink(BaseOperatorLink):
    """The validation pages of the step's night."""

    name = "Data Docs"

    def get_link(self, operator: OfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """The path of the night's Data Docs."""
        del ti_key
        return _path(operator, "docs", operator.model, str(operator.night))


class TrackingLink(BaseOperatorLink):
    """The MLflow run of the night's challenger."""

    name = "MLflow run"

    def get_link(self, operator: OfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """The path that leads on to the MLflow run."""
        del ti_key
        return _path(operator, "mlflow", operator.model, str(operator.night))


class HistoryLink(BaseOperatorLink):
    """The ledger of the model: every decision about its champion."""

    name = "History"

    def get_link(self, operator: OfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """The path of the model's history, whatever the night."""
        del ti_key
        return path("history", operator.model)


LINKS = (ResultLink(), DataDocsLink(), TrackingLink())
HISTORY = HistoryLink()
