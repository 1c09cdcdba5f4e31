"""The buttons on the page of every task: paths of Nightshift's pages, made without a request to anyone.

Airflow stores a link when the task ends, however it ends. The page looks for its content when the link is followed.
"""

from datetime import date
from typing import Protocol

from airflow.sdk import BaseOperatorLink

from nightshift_airflow.page_paths import make_path


class TaskOfNight(Protocol):
    """What a link needs to know of a task; `night` is None if the run names no night that can be processed."""

    model: str
    verb: str
    night: date | None


def _make_night_path(operator: TaskOfNight, *parts: str) -> str:
    """Returns a path about the operator's night; without a night, that of the first page."""
    return make_path(*parts) if operator.night else make_path("docs")


class ResultLink(BaseOperatorLink):
    """Leads to the result of the step: its decision and its numbers."""

    name = "Result"

    def get_link(self, operator: TaskOfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """Returns the path of the step's result."""
        del ti_key
        return _make_night_path(operator, "runs", operator.model, str(operator.night), operator.verb)


class DataDocsLink(BaseOperatorLink):
    """Leads to the validation pages of the step's night."""

    name = "Data Docs"

    def get_link(self, operator: TaskOfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """Returns the path of the night's Data Docs."""
        del ti_key
        return _make_night_path(operator, "docs", operator.model, str(operator.night))


class TrackingLink(BaseOperatorLink):
    """Leads to the MLflow run of the night's challenger."""

    name = "MLflow run"

    def get_link(self, operator: TaskOfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """Returns the path that redirects to the MLflow run."""
        del ti_key
        return _make_night_path(operator, "mlflow", operator.model, str(operator.night))


class HistoryLink(BaseOperatorLink):
    """Leads to the ledger of the model: every decision about its champion."""

    name = "History"

    def get_link(self, operator: TaskOfNight, *, ti_key: object) -> str:  # type: ignore[override]  # our operators only
        """Returns the path of the model's history, which is the same for every night."""
        del ti_key
        return make_path("history", operator.model)


LINKS = (ResultLink(), DataDocsLink(), TrackingLink())
HISTORY = HistoryLink()
