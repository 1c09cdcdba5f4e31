"""The secrets of docker-compose.yaml: made once, and each service gets its own."""

import json
import stat
from pathlib import Path

import pytest

from local_platform.compose.__main__ import main
from local_platform.compose.secret_files import ALL, SECRETS, divide_secrets, read_secret
from local_platform.errors import NotReady

FOLDERS = (ALL, *divide_secrets(dict.fromkeys(SECRETS, "x")))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty volumes, as docker compose makes them."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    monkeypatch.setenv("NIGHTSHIFT_KEYS", str(tmp_path))
    assert main(["keys"]) == 0
    return tmp_path


def _contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_every_secret_is_another(root: Path) -> None:
    created = [(root / ALL / name).read_text().strip() for name in SECRETS]
    assert len(set(created)) == len(SECRETS)
    assert min(map(len, created)) >= 16


def test_only_owner_and_group_can_read_and_nobody_can_write(root: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file()}
    assert modes == {0o440}


def test_a_second_start_changes_nothing(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert main(["keys"]) == 0
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_secret_that_was_deleted_is_made_anew_wherever_it_is_used(root: Path) -> None:
    before = _contents(root)
    (root / ALL / "s3-steps-key").unlink()
    assert main(["keys"]) == 0
    changed = {name for name, text in _contents(root).items() if before[name] != text}
    assert changed == {f"{ALL}/s3-steps-key", "s3/s3-steps-key", "steps/aws-credentials", "steps/environment"}


def test_a_secret_of_ones_own_is_used(root: Path) -> None:
    path = root / ALL / "admin-password"
    path.chmod(0o600)
    path.write_text("my own words\n")
    assert main(["keys"]) == 0
    assert json.loads((root / "api-server" / "passwords.json").read_text())["admin"] == "my own words"
    assert path.read_text() == "my own words\n"


def test_a_secret_that_a_power_cut_left_empty_is_made_anew_and_that_is_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / ALL / "airflow-jwt-key"
    path.unlink()
    path.touch()
    assert main(["keys"]) == 0
    assert f"{path} was empty or damaged" in capsys.readouterr().err
    assert path.read_text().strip()
    assert (root / "airflow" / "jwt-key").read_text() == path.read_text().strip()


@pytest.mark.parametrize("service", FOLDERS[1:])
def test_no_service_sees_what_another_one_has_alone(root: Path, service: str) -> None:
    held = "".join(path.read_text() for path in (root / service).iterdir())
    secrets_of = {name for name in SECRETS if (root / ALL / name).read_text().strip() in held}
    assert (
        secrets_of
        == {
            "postgres": {"postgres-password", "airflow-database-password", "mlflow-database-password"},
            "s3": {"s3-platform-key", "s3-steps-key", "s3-mlflow-key", "s3-viewer-key"},
            "mlflow": {"mlflow-database-password", "s3-mlflow-key"},
            "steps": {"s3-steps-key"},
            "airflow": {"airflow-database-password", "airflow-fernet-key", "airflow-jwt-key"},
            "scheduler": {"airflow-database-password", "airflow-fernet-key", "airflow-jwt-key", "s3-viewer-key"},
            "api-server": {
                "airflow-database-password",
                "airflow-fernet-key",
                "airflow-jwt-key",
                "airflow-api-key",
                "admin-password",
                "analyst-password",
                "s3-viewer-key",
            },
        }[service]
    )


def test_a_secret_that_is_missing_is_named(root: Path) -> None:
    with pytest.raises(NotReady, match="no-such-key cannot be read"):
        read_secret("no-such-key")
    assert root.exists()


def test_a_setting_that_is_missing_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_KEYS", str(root / "mlflow"))
    monkeypatch.delenv("NIGHTSHIFT_S3_ENDPOINT", raising=False)
    assert main(["mlflow"]) == 1
    assert "lacks NIGHTSHIFT_S3_ENDPOINT" in capsys.readouterr().err


def test_what_another_cluster_needs_is_printed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_KEYS", str(root / "steps"))
    monkeypatch.setenv("NIGHTSHIFT_S3_ENDPOINT", "http://192.0.2.1:8333")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://192.0.2.1:5000")
    assert main(["manifests"]) == 0
    values, secrets = json.loads(capsys.readouterr().out)["items"]
    assert values["data"]["NIGHTSHIFT_S3_ENDPOINT"] == "http://192.0.2.1:8333"
    assert "PYTHONPATH" not in values["data"]
    assert set(secrets["data"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert {item["metadata"]["name"] for item in (values, secrets)} == {"nightshift-steps"}
