"""What Airflow loads from this folder: two entries in the menu Browse, the view behind them, and the timetable.

Every Airflow process imports this file, and only the API server serves the view: it is imported at its first request.
"""

from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from nightshift_airflow.runs import listeners as listening
from nightshift_airflow.runs.night_timetable import NightTimetable


class View:
    """The view as an ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands one request to the view."""
        await import_module("nightshift_airflow.ui.app").application()(scope, receive, send)


class NightshiftPlugin(AirflowPlugin):
    """Registers the view, its entries in the menu, and what Airflow's own processes do for Nightshift."""

    name = "nightshift"
    listeners = [listening]  # noqa: RUF012
    timetables = [NightTimetable]  # noqa: RUF012
    # Airflow reads all of them as plain class attributes.
    fastapi_apps = [{"app": View(), "url_prefix": "/nightshift", "name": "Nightshift"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        # Relative: Airflow's page resolves it below the path that Airflow itself is served at.
        # Without `url_route`, so in a tab of their own: with one Airflow shows them in a frame that may open nothing
        # outside of itself, and neither MLflow nor Airflow's own pages can be reached from there.
        # In the menu Browse, beside Required Actions: at the top level Airflow 3.3 draws such an entry as a button that
        # leads nowhere (tests/plugins/ui/test_view_browser.py clicks it).
        {"name": name, "href": href, "destination": "nav", "category": "browse"}
        for name, href in (("Promotions", "nightshift/history"), ("Data Docs", "nightshift/docs"))
    ]
