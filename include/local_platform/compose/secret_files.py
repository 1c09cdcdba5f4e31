"""The secrets of docker-compose.yaml: made once, each in a file of its own, and handed to those who need them.

The folder `all` holds every secret under its own name; change or delete a file there and run `docker compose up
--detach --force-recreate`: services read theirs when they start. Each other folder is one service's volume: it holds
what that service needs, in the form in which it reads it, and nothing else.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from local_platform import new_secrets
from local_platform.errors import NotReady
from local_platform.files import read_text, set_aside, write_private

ALL = "all"
SECRETS = {
    "postgres-password": new_secrets.key,
    "airflow-database-password": new_secrets.key,
    "mlflow-database-password": new_secrets.key,
    "s3-platform-key": new_secrets.key,
    "s3-steps-key": new_secrets.key,
    "s3-mlflow-key": new_secrets.key,
    "s3-viewer-key": new_secrets.key,
    "airflow-fernet-key": new_secrets.fernet,
    "airflow-jwt-key": new_secrets.key,
    "airflow-api-key": new_secrets.key,
    "admin-password": new_secrets.password,
    "analyst-password": new_secrets.password,
}
"""Every secret, and how a new one is made."""


def folder() -> Path:
    """Where secrets are. In every container but that of `keys` it is one service's volume."""
    return Path(os.environ.get("NIGHTSHIFT_KEYS", "/run/keys"))


def read(name: str) -> str:
    """One secret of this service. Raises `NotReady` when its file is not there."""
    path = folder() / name
    try:
        return path.read_text().strip()
    except OSError as error:
        raise NotReady(f"the secret {path} cannot be read ({error.strerror}): run `docker compose up keys`") from error


def write() -> int:
    """Makes the secrets that are missing and brings every service's folder up to date. Returns 0."""
    root = folder()
    for name, make in SECRETS.items():
        path = root / ALL / name
        if path.exists() and read_text(path) is None:
            # A power cut, or a full disk, left it so: what it was is lost, and services read theirs at every start.
            sys.stderr.write(f"{path} was empty or damaged (kept as {set_aside(path).name}): a new secret is made\n")
        if not path.exists():
            _put(path, make() + "\n")
    secret = {name: (root / ALL / name).read_text().strip() for name in SECRETS}
    for service, files in shares(secret).items():
        for name, text in files.items():
            _put(root / service / name, text)
    return 0


def shares(secret: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The files of each service's folder."""
    airflow = {
        "database-url": _database("airflow", secret["airflow-database-password"]),
        "fernet-key": secret["airflow-fernet-key"],
        "jwt-key": secret["airflow-jwt-key"],
    }
    logins = {user: secret[f"{user}-password"] for user in ("admin", "analyst")}
    return {
        "postgres": {name: secret[name] for name in SECRETS if name.startswith("postgres") or "database" in name},
        "s3": {name: secret[name] for name in SECRETS if name.startswith("s3-")},
        "mlflow": {
            "database-url": _database("mlflow", secret["mlflow-database-password"]),
            "s3-mlflow-key": secret["s3-mlflow-key"],
        },
        "steps": {
            "aws-credentials": _profile("steps", secret["s3-steps-key"]),
            "environment": f"AWS_ACCESS_KEY_ID=steps\nAWS_SECRET_ACCESS_KEY={secret['s3-steps-key']}\n",
        },
        "airflow": airflow,
        "scheduler": {**airflow, "aws-credentials": _profile("viewer", secret["s3-viewer-key"])},
        "api-server": {
            **airflow,
            "api-key": secret["airflow-api-key"],
            "passwords.json": json.dumps(logins) + "\n",
            **{f"{user}-password": value + "\n" for user, value in logins.items()},
            "aws-credentials": _profile("viewer", secret["s3-viewer-key"]),
        },
    }


def _database(user: str, password: str) -> str:
    return f"postgresql+psycopg2://{user}:{quote(password, safe='')}@postgres:5432/{user}"


def _profile(identity: str, key: str) -> str:
    return f"[default]\naws_access_key_id = {identity}\naws_secret_access_key = {key}\n"


def _put(path: Path, text: str) -> None:
    """Writes a file that its owner and group can read: Postgres has a user of its own, in this one's group."""
    if read_text(path) == text:
        return
    write_private(path, text, 0o440)
