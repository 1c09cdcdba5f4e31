"""The databases of docker-compose.yaml: one for Airflow and one for MLflow, each with an owner who sees no other."""

import time

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from local_platform.compose.secret_files import read
from local_platform.errors import NotReady

DATABASES = ("airflow", "mlflow")
PATIENCE = 60.0
"""Seconds that Postgres has to answer."""


def make() -> int:
    """Makes what is missing; run again, it only gives the users their present passwords. Returns 0."""
    connection = _connection()
    connection.autocommit = True  # a database cannot be made inside a transaction
    try:
        with connection.cursor() as cursor:
            for name in DATABASES:
                _make(cursor, name, read(f"{name}-database-password"))
    finally:
        connection.close()
    return 0


def _connection() -> "psycopg2.extensions.connection":
    """A connection as Postgres's administrator. Raises `NotReady` when there is none in time."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return psycopg2.connect(
                host="postgres", user="postgres", dbname="postgres", password=read("postgres-password")
            )
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise NotReady(f"Postgres does not let its administrator in: {error}") from error
            time.sleep(1)


def _make(cursor: "psycopg2.extensions.cursor", name: str, password: str) -> None:
    owner = sql.Identifier(name)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
    # Postgres logs a statement that fails: it gets to see what it will store, not the password.
    verifier = encrypt_password(password, name, scope=cursor, algorithm="scram-sha-256")
    cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(verb, owner), (verifier,))
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    if not cursor.fetchone():
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner))
    cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(owner))
