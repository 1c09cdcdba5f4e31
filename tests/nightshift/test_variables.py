"""Which environment variables are known: the list against what the sources read, and what is said of any other."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from local_platform.one_machine.settings import Settings, name_variable
from nightshift.errors import BadConfig
from nightshift.variables import KNOWN, OF_TESTS, require_known

ROOT = Path(__file__).parents[2]
SOURCES = ("include", "plugins", "dags", "tools", "deploy", "bench", "docs", ".ci")
FILES = ("docker-compose.yaml", "Dockerfile", "Makefile", "README.md")
NAME = re.compile(r"\bNIGHTSHIFT_[A-Z0-9_]*[A-Z0-9]\b")
PREFIXES = {"NIGHTSHIFT_S3", "NIGHTSHIFT_RUN", "NIGHTSHIFT_LOCAL", "NIGHTSHIFT_TEST", "NIGHTSHIFT_RETRY"}


def _mentioned() -> set[str]:
    files = [
        path
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    texts = (path.read_text(errors="ignore") for path in [*files, *(ROOT / name for name in FILES)])
    return {name for text in texts for name in NAME.findall(text)}


def test_every_name_in_the_sources_is_known() -> None:
    mentioned = {name for name in _mentioned() if not name.startswith(OF_TESTS)} - PREFIXES
    assert mentioned - KNOWN == set()


def test_the_known_settings_of_the_platform_are_those_of_its_file() -> None:
    ours = {name for name in KNOWN if name.startswith("NIGHTSHIFT_LOCAL_")} - {"NIGHTSHIFT_LOCAL_HOME"}
    assert ours == {name_variable(field.name) for field in fields(Settings)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NIGHTSHIFT_S3_PREFIX", r"NIGHTSHIFT_S3_PREFIX is no setting of Nightshift: did you mean NIGHTSHIFT_S3_\w+\?"),
        ("NIGHTSHIFT_S3_BUKET", "did you mean NIGHTSHIFT_S3_BUCKET?"),
        ("NIGHTSHIFT_BUCKET", "did you mean NIGHTSHIFT_S3_BUCKET?"),
        ("NIGHTSHIFT_S3_ENDPOINT_URL", "did you mean NIGHTSHIFT_S3_ENDPOINT?"),
        ("NIGHTSHIFT_RUN_CODEVERSION", "did you mean NIGHTSHIFT_RUN_CODE_VERSION?"),
        ("NIGHTSHIFT_RETRY", "did you mean NIGHTSHIFT_RETRY_SECONDS?"),
        ("NIGHTSHIFT_STEP_IMAGES", "did you mean NIGHTSHIFT_STEP_IMAGE?"),
        ("NIGHTSHIFT_ZZ", "NIGHTSHIFT_ZZ is no setting of Nightshift"),
        ("NIGHTSHIFT_", "NIGHTSHIFT_ is no setting of Nightshift"),
        ("NIGHTSHIFT_ARFLOW_PORT", "did you mean NIGHTSHIFT_AIRFLOW_PORT?"),
        ("NIGTHSHIFT_S3_BUCKET", "did you mean NIGHTSHIFT_S3_BUCKET?"),
        ("NIGHTSHIFTS3_BUCKET", "did you mean NIGHTSHIFT_S3_BUCKET?"),
        ("nightshift_s3_bucket", "nightshift_s3_bucket must be written in capitals, as NIGHTSHIFT_S3_BUCKET"),
        ("Nightshift_S3_Prefix", "Nightshift_S3_Prefix is no setting of Nightshift"),
        ("mlflow_tracking_uri", "must be written in capitals, as MLFLOW_TRACKING_URI"),
        ("MLFLOW_TRACKING_URL", "did you mean MLFLOW_TRACKING_URI?"),
        ("MLFLOW_TRACKING_PASSWD", "did you mean MLFLOW_TRACKING_PASSWORD?"),
    ],
)
def test_a_variable_that_nobody_reads_is_refused_by_name_with_the_nearest_known_one(name: str, message: str) -> None:
    pattern = message if "\\w" in message else re.escape(message)
    with pytest.raises(BadConfig, match=pattern):
        require_known({"PATH": "/bin", name: "secret-value"})


def test_a_value_is_never_quoted() -> None:
    with pytest.raises(BadConfig) as raised:
        require_known({"NIGHTSHIFT_S3_PREFIX": "secret-value"})
    assert "secret-value" not in str(raised.value)


def test_what_kubernetes_adds_for_services_and_what_others_own_is_no_concern_of_ours() -> None:
    links = {
        "NIGHTSHIFT_S3_SERVICE_HOST": "10.0.0.1",
        "NIGHTSHIFT_S3_SERVICE_PORT": "8333",
        "NIGHTSHIFT_S3_SERVICE_PORT_HTTP": "8333",
        "NIGHTSHIFT_MINIO_PORT": "tcp://10.0.0.1:9000",
        "NIGHTSHIFT_S3_PORT_8333_TCP": "tcp://10.0.0.1:8333",
        "NIGHTSHIFT_S3_PORT_8333_TCP_PROTO": "tcp",
        "NIGHTSHIFT_S3_PORT_8333_TCP_ADDR": "10.0.0.1",
    }
    others = {
        "MLFLOW_TRACKING_INSECURE_TLS": "true",
        "MLFLOW_TRACE_TIMEOUT_SECONDS": "3",
        "NIGHTLY": "1",
        "MLFLOW_HOME": "",
    }
    require_known({**links, **others, **dict.fromkeys(KNOWN, ""), "NIGHTSHIFT_TEST_IMAGE": "x"})
