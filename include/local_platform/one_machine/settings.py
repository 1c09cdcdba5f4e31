"""The ports, the passwords and the keys of the platform: one file, `settings.env`, written at the first start.

Edit a line and run `make up` again. To start afresh, delete the whole folder: the keys belong to the data in it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from local_platform import new_secrets
from local_platform.errors import CannotStart
from local_platform.files import read_text, set_aside, write_private
from local_platform.one_machine.home import Home

PREFIX = "NIGHTSHIFT_LOCAL_"
HEAD = """\
# The ports, passwords and keys of this machine's Nightshift, written at the first start. Only you can read this file.
# Change a line and run `make up` again.
"""


def _define_port(default: int, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


def _define_secret(make: Callable[[], str], meaning: str) -> Any:
    return field(default_factory=make, metadata={"meaning": meaning}, repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting. Ports are TCP ports on 127.0.0.1; `Settings()` has the default ports and new secrets."""

    airflow_port: int = _define_port(8080, "Airflow: pages and API")
    mlflow_port: int = _define_port(5000, "MLflow: pages and API")
    s3_port: int = _define_port(8333, "S3 API")
    cluster_port: int = _define_port(6443, "Kubernetes API")
    s3_inner_ports: int = _define_port(
        18330, "the S3 server's own parts: the first of nine ports in a row, and the eighth + 10000"
    )
    admin_password: str = _define_secret(new_secrets.make_password, "Airflow's user admin, who may do everything")
    analyst_password: str = _define_secret(
        new_secrets.make_password, "Airflow's user analyst, who may see everything and change nothing"
    )
    s3_admin_key: str = _define_secret(
        new_secrets.make_key, "S3 secret of the identity platform, which makes the buckets"
    )
    s3_steps_key: str = _define_secret(
        new_secrets.make_key, "S3 secret of the identity steps, which reads and writes lake and nightshift"
    )
    s3_mlflow_key: str = _define_secret(
        new_secrets.make_key, "S3 secret of the identity mlflow, which reads and writes mlflow"
    )
    s3_viewer_key: str = _define_secret(
        new_secrets.make_key,
        "S3 secret of the identity viewer, which reads nightshift for Airflow's pages and approval requests",
    )
    airflow_jwt_key: str = _define_secret(new_secrets.make_key, "signs the tokens of Airflow's logins and tasks")
    airflow_api_key: str = _define_secret(new_secrets.make_key, "signs what Airflow's API hands to browsers")
    airflow_fernet_key: str = _define_secret(
        new_secrets.make_fernet_key, "encrypts the connections and variables in Airflow's database"
    )


def read_settings(home: Home, say: Callable[[str], None] | None = None) -> Settings:
    """Returns the settings of this home; writes the file when it is missing. Raises `CannotStart` for a wrong line.

    An empty file counts as lost, for example in a power cut: new passwords are made, and `say` gets a sentence.
    """
    if home.settings.exists() and read_text(home.settings) is None:
        lost = set_aside(home.settings)
        if say:
            say(f"  {home.settings} was empty or damaged (kept as {lost.name}): it has default ports and new passwords")
    if not home.settings.exists():
        write_private(home.settings, render_settings(Settings()))
    values: dict[str, Any] = {}
    problems: list[str] = []
    for number, line in enumerate(home.settings.read_text().splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                values.update(_parse_line(line, f"{home.settings}, line {number}"))
            except CannotStart as error:
                problems.append(str(error))
    if problems:
        raise CannotStart("; ".join(problems))
    missing = [name_variable(f.name) for f in fields(Settings) if f.name not in values]
    if missing:
        raise CannotStart(
            f"{home.settings} lacks {', '.join(missing)}: add the line, or delete {home.path} to start afresh"
        )
    return Settings(**values)


def render_settings(settings: Settings) -> str:
    """Returns the text of the file: each setting with its meaning above it."""
    lines = [
        f"# {f.metadata['meaning']}\n{name_variable(f.name)}={getattr(settings, f.name)}" for f in fields(settings)
    ]
    return HEAD + "\n" + "\n".join(lines) + "\n"


def name_variable(name: str) -> str:
    """Returns the name of a setting in the file."""
    return PREFIX + name.upper()


def _parse_line(line: str, where: str) -> dict[str, int | str]:
    definitions = {name_variable(setting.name): setting for setting in fields(Settings)}
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals or name not in definitions:
        raise CannotStart(f"{where}: {name[:60]!r} is no setting: expected one of {', '.join(definitions)}")
    if not value:
        raise CannotStart(f"{where}: {name} has no value: write one after the equals sign")
    if re.search(r"[\s\"']", value):
        raise CannotStart(f"{where}: {name} has a space or a quotation mark in it: write a value without")
    if definitions[name].type is not int:
        return {definitions[name].name: value}
    if not (value.isascii() and value.isdigit() and 1024 <= int(value) <= 55_000):
        raise CannotStart(f"{where}: {name}={value[:20]} is no port: expected a number from 1024 to 55000")
    return {definitions[name].name: int(value)}
