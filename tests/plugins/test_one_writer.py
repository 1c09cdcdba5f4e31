"""Two writers of one SQLite database: the second waits for the first, also when it began with a savepoint."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from nightshift_airflow import one_writer  # noqa: F401  # listens from here on

COUNT = text("SELECT count(*) FROM run")
INSERT = text("INSERT INTO run (id) VALUES (:id)")
SYNCHRONOUS = text("PRAGMA synchronous")
NORMAL = 1


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """A database with one table, in the mode in which Airflow opens it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'airflow.db'}?timeout=0")
    with engine.begin() as connection:
        connection.execute(text("PRAGMA journal_mode=WAL"))
        connection.execute(text("CREATE TABLE run (id INTEGER)"))
    yield engine
    engine.dispose()


def test_nobody_writes_between_the_look_and_the_write_of_a_savepoint(database: Engine) -> None:
    with Session(database) as backfill, Session(database) as scheduler:
        with backfill.begin_nested():
            assert backfill.scalar(COUNT) == 0
            with pytest.raises(OperationalError, match="locked"):  # with a timeout above 0 it would wait here
                scheduler.execute(INSERT, {"id": 1})
            backfill.execute(INSERT, {"id": 2})
        backfill.commit()
    with Session(database) as after:
        assert after.scalar(COUNT) == 1


def test_all_savepoints_of_a_transaction_end_with_it(database: Engine) -> None:
    with Session(database) as backfill:
        for number in (1, 2):
            with backfill.begin_nested():
                backfill.execute(INSERT, {"id": number})
        backfill.rollback()
    with Session(database) as after:
        assert after.scalar(COUNT) == 0


def test_a_commit_does_not_wait_for_the_disk(database: Engine) -> None:
    with database.connect() as connection:
        assert connection.scalar(SYNCHRONOUS) == NORMAL


def test_nor_does_that_of_an_asynchronous_connection(tmp_path: Path) -> None:
    async def look() -> object:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'airflow.db'}")
        async with engine.connect() as connection:
            found = await connection.scalar(SYNCHRONOUS)
        await engine.dispose()
        return found

    assert asyncio.run(look()) == NORMAL
