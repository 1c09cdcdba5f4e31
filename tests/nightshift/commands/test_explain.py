"""`nightshift explain` as the command line runs it; the cards are tested where they are made."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.cli import main
from support.version_records import append, build_entry, build_identity, build_verdict

HEAVY = ("pandas", "numpy", "sklearn", "mlflow", "matplotlib", "great_expectations", "scipy", "pyarrow")
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
pytestmark = pytest.mark.usefixtures("mlflow_environment")


@pytest.fixture
def decided(store: ObjectStore) -> ObjectStore:
    """A model without a folder, whose version 2 was promoted and which MLflow does not know."""
    first = build_entry("promotion", 1, 1, model="retired_model")
    second = replace(first, version=2, verdict=build_verdict(), reason="it wins by far", champion=build_identity(2))
    append(store, first, second)
    return store


@pytest.mark.usefixtures("decided")
def test_it_prints_markdown_and_nothing_else_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "retired_model", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# retired\\_model version 2: champion\n")
    assert "it wins by far" in printed
    assert "not recorded" in printed


@pytest.mark.usefixtures("decided")
def test_it_writes_html_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "card.html"
    airflow = ["--airflow", "http://airflow.example/"]
    assert main(["explain", "retired_model", "2", "--format", "html", "--output", str(output), *airflow]) == 0
    page = output.read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert 'href="http://airflow.example/nightshift/versions/retired_model/1"' in page
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("decided")
def test_no_secret_of_the_environment_is_in_a_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], s3_environment: dict[str, str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "canary-password")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "canary-token")
    for form in ("markdown", "html"):
        assert main(["explain", "retired_model", "2", "--format", form]) == 0
    printed = capsys.readouterr()
    for secret in ("canary", *(s3_environment[name] for name in SECRETS)):
        assert secret not in printed.out + printed.err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["flights", "9999999"], "version 9999999 of model flights is neither in MLflow nor in the ledger"),
        (["../flights", "1"], "is no name of a model"),
        (["flights", "latest"], "version 'latest' is no number of a version"),
        (["flights", "0"], "is no number of a version"),
        (["flights", "٣"], "is no number of a version"),
        (["flights", "1", "--airflow", "javascript:alert(1)"], "is no address"),
    ],
)
def test_what_it_cannot_explain_is_a_sentence(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *given]) == 20
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err


@pytest.mark.usefixtures("decided")
def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "retired_model", "2", "--output", str(tmp_path)]) == 20
    assert "the model card cannot be written to" in capsys.readouterr().err


def test_it_imports_nothing_heavy() -> None:
    code = "import nightshift.cli, nightshift.commands.explain, sys; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name for name in completed.stdout.split() if name in HEAVY}


def test_a_card_is_imported_without_its_templates() -> None:
    """Steps that decide nothing import `publish_cards` as well: they must not pay for Jinja."""
    code = "import nightshift.model_card.publish_card, sys; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name for name in completed.stdout.split() if name in (*HEAVY, "jinja2")}
