"""What Airflow loads from this folder: two entries in the menu Browse, their pages, the timetable, and a listener.

Every Airflow process imports this file, but only the API server serves the pages: the first request imports them.
"""

from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from nightshift_airflow.airflow_upstream import install_request_deletion
from nightshift_airflow.runs import listeners as run_listeners
from nightshift_airflow.runs.night_timetable import NightTimetable

install_request_deletion()


class View:
    """The pages as an ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes one request on to the pages."""
        await import_module("nightshift_airflow.ui.app").build_application()(scope, receive, send)


class NightshiftPlugin(AirflowPlugin):
    """Registers the pages, their entries in the menu, the timetable and the listener."""

    name = "nightshift"
    listeners = [run_listeners]  # noqa: RUF012
    timetables = [NightTimetable]  # noqa: RUF012
    # Airflow reads all of them as plain class attributes.
    fastapi_apps = [{"app": View(), "url_prefix": "/nightshift", "name": "Nightshift"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        # Relative: Airflow's page resolves it below the path that Airflow itself is served at.
        # Without `url_route`, so in a tab of their own: with it Airflow shows them in a frame that cannot open
        # anything outside, and neither MLflow nor Airflow's own pages can be reached from there.
        # In the menu Browse, beside Required Actions: at the top level Airflow 3.3 draws such an entry as a button that
        # does nothing (tests/plugins/ui/test_view_browser.py clicks it).
        {"name": name, "href": href, "destination": "nav", "category": "browse"}
        for name, href in (("Promotions", "nightshift/history"), ("Data Docs", "nightshift/docs"))
    ]
