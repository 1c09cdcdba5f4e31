"""Settings come from the environment, and what is missing is named."""

import pytest

from nightshift.errors import BadConfig
from nightshift.settings import RegistrySettings, RetrySettings, RunSettings, StorageSettings, read


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(BadConfig, match="MLFLOW_TRACKING_URI: Field required"):
        read(RegistrySettings)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_BUCKET", "No Such Bucket")
    with pytest.raises(BadConfig, match="NIGHTSHIFT_S3_BUCKET"):
        read(StorageSettings)


def test_settings_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_BUCKET", "other")
    settings = read(StorageSettings)
    assert settings.bucket == "other"
    with pytest.raises(ValueError, match="frozen"):
        settings.bucket = "changed"  # type: ignore[misc]


def test_a_misspelt_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_PREFIX", "x")
    for kind in (StorageSettings, RunSettings):
        with pytest.raises(BadConfig, match="NIGHTSHIFT_S3_PREFIX is no setting of Nightshift: did you mean"):
            read(kind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NIGHTSHIFT_S3_ENDPOINT", ""),
        ("NIGHTSHIFT_S3_ENDPOINT", "s3.example.com:8333"),
        ("NIGHTSHIFT_S3_ENDPOINT", "localhost:8333"),
        ("NIGHTSHIFT_S3_ENDPOINT", '"http://s3.example.com"'),
        ("NIGHTSHIFT_S3_ENDPOINT", "http://s3.example.com "),
        ("NIGHTSHIFT_S3_ENDPOINT", "http://s3.example.com:port"),
        ("NIGHTSHIFT_S3_ENDPOINT", "http://:8333"),
        ("NIGHTSHIFT_S3_ENDPOINT", "http://user:hunter2@s3.example.com"),
        ("NIGHTSHIFT_S3_ENDPOINT", "http://s3.example.com?x=1"),
        ("NIGHTSHIFT_S3_ENDPOINT", "http://s3.example.com/nightshift"),
        ("NIGHTSHIFT_S3_REGION", "us east 1"),
        ("NIGHTSHIFT_S3_REGION", ""),
        ("NIGHTSHIFT_S3_REGION", "us-east-1 "),
        ("NIGHTSHIFT_S3_BUCKET", ""),
        ("NIGHTSHIFT_S3_BUCKET", "s3://nightshift"),
        ("NIGHTSHIFT_S3_BUCKET", "'nightshift'"),
        ("NIGHTSHIFT_S3_ADDRESSING", "Path"),
    ],
)
def test_a_misspelt_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig, match=name) as raised:
        read(StorageSettings)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "value", ["", " ", "'http://mlflow'", "mlflow:5000", "http://mlflow:5000 ", "http://a:b@mlflow"]
)
def test_an_address_of_mlflow_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", value)
    with pytest.raises(BadConfig, match="MLFLOW_TRACKING_URI: it "):
        read(RegistrySettings)


@pytest.mark.parametrize("value", ["soon", "-1", "2m", "", "nan"])
def test_a_time_that_is_no_number_of_seconds_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NIGHTSHIFT_RETRY_SECONDS", value)
    with pytest.raises(BadConfig, match="NIGHTSHIFT_RETRY_SECONDS"):
        read(RetrySettings)


def test_a_server_below_a_path_and_one_with_a_slash_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("http://s3.example.com:8333/", "https://s3.example.com/storage/v1/s3", "http://[::1]:8333"):
        monkeypatch.setenv("NIGHTSHIFT_S3_ENDPOINT", value)
        assert read(StorageSettings).endpoint == value
