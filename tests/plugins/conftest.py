"""Gives Airflow a home of its own before anything imports it."""

import airflow_environment  # noqa: F401
