"""What a step reads from its environment: small, grouped, strict and frozen.

On a cluster the values come from one ConfigMap and one Secret; on one machine the platform writes the same two.
Credentials of S3 are the standard `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, read by boto3 itself.
"""

from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nightshift.errors import BadConfig


class StorageSettings(BaseSettings):
    """Where objects live. Prefix `NIGHTSHIFT_S3_`."""

    model_config = SettingsConfigDict(env_prefix="NIGHTSHIFT_S3_", frozen=True, extra="forbid")

    endpoint: str | None = None
    """URL of the S3 server; unset means AWS itself."""
    region: str = "us-east-1"
    """Region that signs requests; S3 servers other than AWS take any."""
    bucket: str = Field(default="nightshift", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """Bucket of everything that Nightshift itself writes: results, ledger, scores, Data Docs."""
    addressing: Literal["path", "virtual", "auto"] = "path"
    """How a bucket is addressed: `path` suits every server of one's own."""


class RegistrySettings(BaseSettings):
    """Where runs and versions live. Prefix `MLFLOW_`, shared with MLflow's own client."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_", frozen=True, extra="ignore")

    tracking_uri: str
    """URL of the MLflow server as pods reach it."""


class RunSettings(BaseSettings):
    """Who runs this step, and with which code. Prefix `NIGHTSHIFT_RUN_`."""

    model_config = SettingsConfigDict(env_prefix="NIGHTSHIFT_RUN_", frozen=True, extra="forbid")

    code_version: str = "unversioned"
    """Version of the code: a git description or an image's label. Part of the idempotency key."""
    code_digests: str = ""
    """Digests of the parts of the code that has that version, `name=digest …`; empty: an image's code, never edited."""
    caused_by: str = "shell"
    """What started the step: `<DAG>:<run>` or a shell. Recorded in the ledger."""
    kind: str = "shell"
    """Which kind of run that is: shell, or Airflow's type of the run (scheduled, manual, backfill, …)."""
    user: str = ""
    """Who asked for the run, as Airflow or the shell knows that person; empty: nobody did, or it is not known."""
    backfill: str = ""
    """The number of Airflow's backfill that the run belongs to; empty: none, or not known."""
    image: str = ""
    """The image of the pod as it was asked for, with its digest where it is pinned by one; empty: no image."""


Settings = TypeVar("Settings", bound=BaseSettings)


def read(kind: type[Settings]) -> Settings:
    """Settings of one kind from the environment. Raises `BadConfig` naming each variable that is missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        raise BadConfig(f"the environment is incomplete or wrong: {_wrong(kind, error)}") from error


def _wrong(kind: type[BaseSettings], error: ValidationError) -> str:
    prefix = str(kind.model_config.get("env_prefix", ""))
    variables = [(prefix + "_".join(map(str, detail["loc"]))).upper() for detail in error.errors()]
    return "; ".join(f"{name}: {detail['msg']}" for name, detail in zip(variables, error.errors(), strict=True))
