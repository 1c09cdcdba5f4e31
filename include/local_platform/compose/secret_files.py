"""Writes the secrets of docker-compose.yaml: each in a file of its own, and to each service those that it needs.

The folder `all` holds every secret under its own name. To change one, edit or delete its file there and run
`docker compose up --detach --force-recreate`: services read their secrets when they start. Each other folder is one
service's volume, with the secrets of that service in the form in which it reads them, and nothing else.
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
from nightshift.known_variables import DEFAULTS

ALL = "all"
SECRETS = {
    "postgres-password": new_secrets.make_key,
    "airflow-database-password": new_secrets.make_key,
    "mlflow-database-password": new_secrets.make_key,
    "s3-platform-key": new_secrets.make_key,
    "s3-steps-key": new_secrets.make_key,
    "s3-mlflow-key": new_secrets.make_key,
    "s3-viewer-key": new_secrets.make_key,
    "airflow-fernet-key": new_secrets.make_fernet_key,
    "airflow-jwt-key": new_secrets.make_key,
    "airflow-api-key": new_secrets.make_key,
    "admin-password": new_secrets.make_password,
    "analyst-password": new_secrets.make_password,
}
"""Every secret, and the function that makes a new one."""


def find_folder() -> Path:
    """Returns the folder of the secrets. In every container but that of `keys` it is one service's volume."""
    return Path(os.environ.get("NIGHTSHIFT_KEYS", DEFAULTS["NIGHTSHIFT_KEYS"]))


def read_secret(name: str) -> str:
    """Returns one secret of this service. Raises `NotReady` when its file cannot be read."""
    path = find_folder() / name
    try:
        return path.read_text().strip()
    except OSError as error:
        raise NotReady(f"the secret {path} cannot be read ({error.strerror}): run `docker compose up keys`") from error


def write_secrets() -> int:
    """Makes the secrets that are missing and writes every service's folder. Returns 0."""
    root = find_folder()
    for name, make in SECRETS.items():
        path = root / ALL / name
        if path.exists() and read_text(path) is None:
            # After a power cut or on a full disk. The secret is lost; services read the new one when they start.
            sys.stderr.write(f"{path} was empty or damaged (kept as {set_aside(path).name}): a new secret is made\n")
        if not path.exists():
            _write_file(path, make() + "\n")
    secret = {name: (root / ALL / name).read_text().strip() for name in SECRETS}
    for service, files in divide_secrets(secret).items():
        for name, text in files.items():
            _write_file(root / service / name, text)
    return 0


def divide_secrets(secret: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Returns the files of each service's folder."""
    airflow = {
        "database-url": _build_database_url("airflow", secret["airflow-database-password"]),
        "fernet-key": secret["airflow-fernet-key"],
        "jwt-key": secret["airflow-jwt-key"],
    }
    logins = {user: secret[f"{user}-password"] for user in ("admin", "analyst")}
    return {
        "postgres": {name: secret[name] for name in SECRETS if name.startswith("postgres") or "database" in name},
        "s3": {name: secret[name] for name in SECRETS if name.startswith("s3-")},
        "mlflow": {
            "database-url": _build_database_url("mlflow", secret["mlflow-database-password"]),
            "s3-mlflow-key": secret["s3-mlflow-key"],
        },
        "steps": {
            "aws-credentials": _render_profile("steps", secret["s3-steps-key"]),
            "environment": f"AWS_ACCESS_KEY_ID=steps\nAWS_SECRET_ACCESS_KEY={secret['s3-steps-key']}\n",
        },
        "airflow": airflow,
        "scheduler": {**airflow, "aws-credentials": _render_profile("viewer", secret["s3-viewer-key"])},
        "api-server": {
            **airflow,
            "api-key": secret["airflow-api-key"],
            "passwords.json": json.dumps(logins) + "\n",
            **{f"{user}-password": value + "\n" for user, value in logins.items()},
            "aws-credentials": _render_profile("viewer", secret["s3-viewer-key"]),
        },
    }


def _build_database_url(user: str, password: str) -> str:
    return f"postgresql+psycopg2://{user}:{quote(password, safe='')}@postgres:5432/{user}"


def _render_profile(identity: str, key: str) -> str:
    return f"[default]\naws_access_key_id = {identity}\naws_secret_access_key = {key}\n"


def _write_file(path: Path, text: str) -> None:
    """Writes a file that its owner and group can read: Postgres runs as another user of the same group."""
    if read_text(path) == text:
        return
    write_private(path, text, 0o440)
