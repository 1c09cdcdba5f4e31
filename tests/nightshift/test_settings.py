"""Settings come from the environment, and what is missing is named."""

import pytest

from nightshift.errors import BadConfig
from nightshift.settings import RegistrySettings, StorageSettings, read


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
