"""What docs/predictions.md shows, run as somebody would who has nothing but the document and the environment."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.adapters.s3.object_store import ObjectStore
from support.faulty_proxy import ReceivedRequest, run_faulty_proxy
from support.published import NIGHT, publish_predictions

DOCUMENT = (Path(__file__).parents[2] / "docs" / "predictions.md").read_text()
SNIPPETS = dict(re.findall(r"^```python (\w+)\n(.*?)^```", DOCUMENT, re.M | re.S))
SAYS = {"duckdb": ("2", "0.1"), "polars": ("2", "0.1"), "boto3": ("2 1",)}


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """A folder that is no checkout."""
    return tmp_path


def _run(code: str, environment: dict[str, str], folder: Path) -> str:
    remaining = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", code]
    completed = subprocess.run(
        command, env=remaining | environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_the_document_shows_each_way() -> None:
    assert set(SNIPPETS) == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_a_snippet_reads_what_is_published(
    name: str, store: ObjectStore, s3_environment: dict[str, str], away: Path
) -> None:
    publish_predictions(store, 0.9)
    publish_predictions(store, 0.1)  # a second publication of the day: not one row twice
    printed = _run(SNIPPETS[name], s3_environment, away)
    assert all(text in printed for text in SAYS[name]), printed


@pytest.mark.parametrize("name", SAYS)
def test_a_snippet_reads_one_publication_whole_while_the_day_is_published_again(
    name: str, store: ObjectStore, s3_environment: dict[str, str], away: Path
) -> None:
    publish_predictions(store, 0.1)

    def republish() -> None:
        for _ in range(2):
            publish_predictions(store, 0.9, keys=pa.table({"id": [1, 2, 3]}))

    with run_faulty_proxy(s3_environment["NIGHTSHIFT_S3_ENDPOINT"]) as proxy:
        if name == "duckdb":  # `predictions.read` reads the manifest twice
            proxy.add("none", matches=_reads_manifest)
        last = proxy.add("none", matches=_reads_manifest, then=republish)
        printed = _run(SNIPPETS[name], s3_environment | {"NIGHTSHIFT_S3_ENDPOINT": proxy.url}, away)
    assert last.left == 0
    assert all(text in printed for text in SAYS[name]), printed


def _reads_manifest(request: ReceivedRequest) -> bool:
    return request.method == "GET" and request.path.endswith("_MANIFEST.json")


def test_the_columns_that_the_document_shows_are_those_of_the_flights() -> None:
    import numpy as np

    from models.flights.definition import MODEL
    from nightshift.modelling.score_table import build_scores

    keys = pa.table({name: ["x"] for name in MODEL.key})
    columns = dict(build_scores(keys, NIGHT, np.array([0.5]), 1).columns)
    shown = f"key: {', '.join(columns.pop('key'))}; " + "; ".join(
        f"{role}: {name}" for role, name in sorted(columns.items())
    )
    assert f"columns    {shown}\n" in DOCUMENT
