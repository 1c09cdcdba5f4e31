"""A model is a folder and its suites: nothing else of the checkout knows of it, and without it all else goes on.

Measured for every model but the one that the demo plays, which examples and tests may name.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_platform.demo import night_plan
from nightshift import catalog
from support import checkout

OTHERS = [name for name in catalog.list_names() if name != night_plan.MODEL and (catalog.OWN_FOLDER / name).is_dir()]
LOCK = re.compile(r"\Arequirements(-dev|/[a-z]+)?\.txt\Z")
"""Files that `make lock` writes, from what the models' folders ask for among others."""
PROGRAM = """
import json
import models
from airflow.dag_processing.dagbag import DagBag
from nightshift import catalog
from nightshift.adapters.gx import suites

dags = DagBag(collect_dags=True)
datasets = [dataset for model in catalog.load_all_models() for dataset in model.datasets]
found = {
    "models": catalog.list_names(),
    "dags": sorted(dags.dags),
    "errors": list(dags.import_errors.values()),
    "suites": sorted({d.suite: suites.load(d.suite).size for d in datasets if d.suite}),
    "from": models.__file__,
}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Parts:
    """What one model consists of, as paths in the checkout."""

    name: str

    @property
    def folder(self) -> Path:
        return Path("include/models") / self.name

    @property
    def suites(self) -> set[Path]:
        named = {dataset.suite for dataset in catalog.load_model(self.name).datasets if dataset.suite}
        return {Path(f"great_expectations/suites/{suite}.json") for suite in named}

    @property
    def packages(self) -> list[str]:
        """The packages that it alone needs."""
        requirements = checkout.ROOT / self.folder / "requirements.in"
        lines = requirements.read_text().splitlines() if requirements.exists() else []
        return [re.split(r"[^\w-]", line, maxsplit=1)[0] for line in lines if line and not line.startswith("#")]

    @property
    def named(self) -> re.Pattern[str]:
        """Finds the model or its packages in a file. A name of one word may be a word of other things as well."""
        ways = [
            rf"models[./]{self.name}\b",
            rf"\b{self.name}_(nightly|replay|set_champion|rescore)\b",
            rf"\b(suites|runs|ledger|scores|history|versions)/{self.name}\b",
        ]
        alone = [self.name] if "_" in self.name else []
        arguments = [rf"\b{re.sub('[-_]', '[-_]', word)}\b" for word in (*alone, *self.packages)]
        return re.compile("|".join([*ways, *arguments]), re.I)

    def has(self, file: Path) -> bool:
        """Whether the file is the model's own: of its folder, its suites, or its tests."""
        folders = (self.folder, Path("tests/models") / self.name)
        return file in self.suites or any(file.is_relative_to(folder) for folder in folders)


@pytest.fixture(params=OTHERS)
def parts(request: pytest.FixtureRequest) -> Parts:
    return Parts(request.param)


def test_there_is_more_than_the_model_that_the_demo_plays() -> None:
    assert OTHERS


def test_its_folder_and_its_tests_are_there(parts: Parts) -> None:
    kinds = {file.name for file in checkout.list_files() if file.is_relative_to(parts.folder)}
    assert kinds >= {"definition.py", "features.py", "estimator.py"}
    assert any(parts.has(file) and file.parts[0] == "tests" for file in checkout.list_files())


def test_no_other_file_names_it_or_its_packages(parts: Parts) -> None:
    """Prose may give it as an example; locks are made from its folder by a program."""
    others = [f for f in checkout.list_files() if not parts.has(f) and not LOCK.match(str(f)) and f.suffix != ".md"]
    assert len(others) > 100
    naming = [str(f) for f in others if parts.named.search((checkout.ROOT / f).read_text(errors="ignore"))]
    assert naming == []


def seen(copy: Path) -> dict[str, list[str]]:
    """What the platform finds in a copy of the checkout."""
    completed = checkout.run(copy, "python", "-c", PROGRAM)
    assert completed.returncode == 0, completed.stderr[-3000:]
    document: dict[str, list[str]] = json.loads(completed.stdout.splitlines()[-1])
    assert str(document.pop("from")).startswith(str(copy))
    return document


@pytest.mark.slow
def test_the_platform_works_without_it_and_finds_it_when_it_is_put_there(parts: Parts, tmp_path: Path) -> None:
    mine = {file for file in checkout.list_files() if parts.has(file)}
    checkout.copy_files(set(checkout.list_files()) - mine, tmp_path)
    without = seen(tmp_path)
    assert without["errors"] == []
    assert without["models"] == [name for name in catalog.list_names() if name != parts.name]
    assert not any(dag.startswith(f"{parts.name}_") for dag in without["dags"])

    checkout.copy_files(mine, tmp_path)
    with_it = seen(tmp_path)
    assert with_it["errors"] == []
    assert with_it["models"] == catalog.list_names()
    assert f"{parts.name}_nightly" in set(with_it["dags"]) - set(without["dags"])
    assert set(with_it["dags"]) > set(without["dags"])
    assert {Path(f"great_expectations/suites/{name}.json") for name in with_it["suites"]} >= parts.suites
