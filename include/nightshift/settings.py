"""What a step reads from its environment: small, grouped, strict and frozen.

What each variable is for, and its default, stand in `known_variables`.
On a cluster the values come from one ConfigMap and one Secret; on one machine the platform writes the same two.
Credentials of S3 are the standard `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, read by boto3 itself.
"""

import os
import re
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nightshift.errors import BadConfig
from nightshift.known_variables import DEFAULTS
from nightshift.variables import require_known

ODD = re.compile(r"[\s\"'`\\<>]|[^\x21-\x7e]")
"""What no address has: a space, a quotation mark that a shell left behind, a letter outside of ASCII."""


def _require_url(url: str) -> None:
    """Raises `ValueError` with a sentence for what is no http(s) address of a server. It never quotes the value.

    An address may have a password in it.
    """
    if not url:
        raise ValueError("it is empty: give the server's address, or remove the variable")
    if ODD.search(url):
        raise ValueError("it has a space, a quotation mark or another odd character in it: write http://host:port")
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is no number from 1 to 65535: write http://host:port") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("it must be the http(s) URL of a server: write http://host:port or https://host")
    if "@" in parts.netloc:
        raise ValueError("it must have no user and no password in it: they belong in variables of their own")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("it must end before any ? or #: write http://host:port")


class StorageSettings(BaseSettings):
    """Where objects live. Prefix `NIGHTSHIFT_S3_`."""

    model_config = SettingsConfigDict(env_prefix="NIGHTSHIFT_S3_", frozen=True, extra="forbid")

    endpoint: str | None = None
    region: str = Field(default=DEFAULTS["NIGHTSHIFT_S3_REGION"], pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    bucket: str = Field(default=DEFAULTS["NIGHTSHIFT_S3_BUCKET"], pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    addressing: Literal["path", "virtual", "auto"] = "path"

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, url: str | None) -> str | None:
        """Some services have their S3 API under a path; a bucket's name at its end is a slip."""
        if url is not None:
            _require_url(url)
        return url

    @model_validator(mode="after")
    def _check_bucket_apart(self) -> Self:
        if self.endpoint and urlsplit(self.endpoint).path.rstrip("/").endswith(f"/{self.bucket}"):
            raise ValueError("NIGHTSHIFT_S3_ENDPOINT ends with the bucket's name: give the address of the server only")
        return self


class RegistrySettings(BaseSettings):
    """Where runs and versions live. Prefix `MLFLOW_`, shared with MLflow's own client."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_", frozen=True, extra="ignore")

    tracking_uri: str

    @field_validator("tracking_uri")
    @classmethod
    def _check_uri(cls, url: str) -> str:
        if not ODD.search(url) and urlsplit(url).scheme not in {"http", "https"}:
            scheme = urlsplit(url).scheme or "nothing"
            raise ValueError(f"it must be the http(s) URL of an MLflow server, and begins with {scheme!r}")
        _require_url(url)
        return url


class RetrySettings(BaseSettings):
    """How long a process waits for a service that does not answer. Prefix `NIGHTSHIFT_RETRY_`."""

    model_config = SettingsConfigDict(env_prefix="NIGHTSHIFT_RETRY_", frozen=True, extra="forbid")

    seconds: float = Field(default=float(DEFAULTS["NIGHTSHIFT_RETRY_SECONDS"]), ge=0, le=3600)
    """Two minutes, because a service that is restarted on a busy machine needs a quarter of one, and Airflow's next try
    costs a pod's start."""


class RunSettings(BaseSettings):
    """Who runs this step, and with which code. Prefix `NIGHTSHIFT_RUN_`."""

    model_config = SettingsConfigDict(env_prefix="NIGHTSHIFT_RUN_", frozen=True, extra="forbid")

    code_version: str = DEFAULTS["NIGHTSHIFT_RUN_CODE_VERSION"]
    code_digests: str = ""
    caused_by: str = DEFAULTS["NIGHTSHIFT_RUN_CAUSED_BY"]
    kind: str = DEFAULTS["NIGHTSHIFT_RUN_KIND"]
    user: str = ""
    backfill: str = ""
    image: str = ""


Settings = TypeVar("Settings", bound=BaseSettings)


def read(kind: type[Settings]) -> Settings:
    """Settings of one kind from the environment.

    Raises `BadConfig` naming each variable that is missing or wrong, or looks like one of ours and is none.
    """
    require_known(os.environ)
    try:
        return kind()
    except ValidationError as error:
        # `from None`: the original quotes the values, and an address may have a password in it.
        raise BadConfig(f"the environment is incomplete or wrong: {_describe_errors(kind, error)}") from None


def _describe_errors(kind: type[BaseSettings], error: ValidationError) -> str:
    prefix = str(kind.model_config.get("env_prefix", ""))
    sentences = []
    for detail in error.errors():
        sentence = detail["msg"].removeprefix("Value error, ")
        name = (prefix + "_".join(map(str, detail["loc"]))).upper()
        sentences.append(f"{name}: {sentence}" if detail["loc"] else sentence)
    return "; ".join(sentences)
