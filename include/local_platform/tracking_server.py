"""`python -m local_platform.tracking_server ADDRESS PORT`: the MLflow server in one process.

NIGHTSHIFT_TRACKING_DATABASE is the URL of its database, such as `sqlite:////data/mlflow.db`.

`mlflow server` starts a second process that outlives the first when that is killed, and then the port is taken for
the restart. This runs the same application, `mlflow.server.fastapi_app`, with the same preparations.
"""

import os
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn  # before mlflow.server, which looks for it to know that it is a server and must check hosts and origins
from mlflow.server import constants
from mlflow.server.handlers import initialize_backend_stores
from sqlalchemy import Engine, event

from local_platform.tracking import DATABASE

ARTIFACTS = "s3://mlflow"
PROXY = "mlflow-artifacts:/"


@event.listens_for(Engine, "connect")
def write_ahead(connection: Any, _record: object) -> None:
    """Has SQLite write a log and wait for the disk at its checkpoints only, instead of four times for each commit.

    A killed process loses nothing. A power cut may lose the last moments, as of the other parts of this machine's
    platform, and never leaves a broken file (https://sqlite.org/wal.html#performance_considerations).
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")


def main(arguments: Sequence[str]) -> None:
    """Prepares the database and serves until a signal ends it."""
    address, port, database = arguments[0], int(arguments[1]), os.environ[DATABASE]
    os.environ.update(
        {
            constants.BACKEND_STORE_URI_ENV_VAR: database,
            constants.REGISTRY_STORE_URI_ENV_VAR: database,
            constants.ARTIFACT_ROOT_ENV_VAR: PROXY,
            constants.ARTIFACTS_DESTINATION_ENV_VAR: ARTIFACTS,
            constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        }
    )
    initialize_backend_stores(database, database, PROXY)
    uvicorn.run("mlflow.server.fastapi_app:app", host=address, port=port, log_level="info")


if __name__ == "__main__":
    main(sys.argv[1:])
