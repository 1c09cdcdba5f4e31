"""Airflow on SQLite, as on one machine: a savepoint waits for the one writer, and a commit does not wait for the disk.

A savepoint that begins a transaction begins one that only reads. When another process writes before it does, SQLite
refuses its first write at once, whatever the timeout: what it read is old. Airflow makes each run of a backfill in such
a savepoint, so that a backfill of a month was refused nearly always (https://sqlite.org/isolation.html).
"""

from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event


@event.listens_for(Engine, "savepoint")
def write_from_the_start(connection: Connection, _name: str) -> None:
    """Begins the transaction as one that writes, unless one has begun: this waits as long as the database's timeout."""
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@event.listens_for(Engine, "do_connect")
def wait_at_checkpoints_only(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Connects to SQLite so that it waits for the disk at checkpoints only; leaves other databases to SQLAlchemy."""
    if dialect.name != "sqlite":
        return None
    connection = dialect.connect(*arguments, **options)
    cursor = connection.cursor()  # that of an asynchronous driver, too
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
    return connection
