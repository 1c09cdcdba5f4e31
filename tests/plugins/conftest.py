"""Gives Airflow a home of its own before anything imports it."""

from support import airflow_environment  # noqa: F401
