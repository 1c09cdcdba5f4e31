"""Creates the databases of docker-compose.yaml: one for Airflow, one for MLflow, each open to its own user only."""

import time

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from local_platform.compose.secret_files import read_secret
from local_platform.errors import NotReady

DATABASES = ("airflow", "mlflow")
START_TIMEOUT = 60.0
"""Seconds within which Postgres must answer."""


def make_databases() -> int:
    """Creates what is missing and sets the users' current passwords. Returns 0."""
    connection = _connect()
    connection.autocommit = True  # a database cannot be made inside a transaction
    try:
        with connection.cursor() as cursor:
            for name in DATABASES:
                _make_database(cursor, name, read_secret(f"{name}-database-password"))
    finally:
        connection.close()
    return 0


def _connect() -> "psycopg2.extensions.connection":
    """Connects as Postgres's administrator. Raises `NotReady` when that fails for too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            return psycopg2.connect(
                host="postgres", user="postgres", dbname="postgres", password=read_secret("postgres-password")
            )
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise NotReady(f"Postgres refuses its administrator: {error}") from error
            time.sleep(1)


def _make_database(cursor: "psycopg2.extensions.cursor", name: str, password: str) -> None:
    owner = sql.Identifier(name)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
    # Postgres logs statements that fail, so it gets the verifier that it stores, not the password.
    verifier = encrypt_password(password, name, scope=cursor, algorithm="scram-sha-256")
    cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(verb, owner), (verifier,))
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    if not cursor.fetchone():
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner))
    cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(owner))
