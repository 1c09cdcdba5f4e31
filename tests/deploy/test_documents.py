"""The documents about production name what exists: tests, files, targets of make, objects."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from support.airflow_environment import ROOT
from support.manifests import OVERLAYS

DOCS = ROOT / "docs"
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FOLDERS = ("", "docs", "docs/decisions", "deploy/compose", "great_expectations", "tests/cluster", "bench")
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).glob("*.md"))
NAMED_PATH = re.compile(r"`((?:dags|deploy|docs|tests|plugins|include|requirements|tools)/[\w./-]+?)(?:::\w+)?`")
LINK = re.compile(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text(document: str) -> str:
    return (DOCS / document).read_text()


def test_every_test_that_the_security_page_names_exists() -> None:
    named = NAMED_TEST.findall(text("security.md"))
    assert len(named) > 20
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in _source(ROOT / file)]
    assert missing == []


def test_a_test_that_is_run_on_request_is_named_with_its_target() -> None:
    for row in text("security.md").splitlines():
        for file, name in NAMED_TEST.findall(row):
            for marker, word in {"kubernetes": "cluster: ", "images": "images: ", "compose": "compose: "}.items():
                marked = f"pytest.mark.{marker}" in _source(ROOT / file)
                assert marked == (f"{word}`{file}::{name}`" in row), row


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_and_every_target_that_a_document_names_exists(document: str) -> None:
    page = (ROOT / document).read_text()
    for path in NAMED_PATH.findall(page):
        assert (ROOT / path).exists(), path
    for link, section in LINK.findall(page):
        target = ((ROOT / document).parent / link) if link else ROOT / document
        assert target.exists(), link
        assert not section or section in _list_anchors(target), (link, section)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", page)) <= targets


def test_the_readme_is_short_and_links_to_every_document() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 100] == []
    linked = {link for line in lines for link, _ in LINK.findall(line)}
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} <= linked


def test_a_decision_is_one_page_and_the_list_has_each_in_order() -> None:
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    assert {page.name: len(page.read_text()) for page in pages if len(page.read_text().splitlines()) > 60} == {}
    assert [link for link, _ in LINK.findall((DOCS / "decisions" / "README.md").read_text())] == [p.name for p in pages]


def test_the_architecture_page_has_the_layers_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == ["nightshift"]]
    section = text("architecture.md").split("## The layers of `include/nightshift`")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    shown = [{name.rstrip("/") for name in re.findall(r"`([^`]+)`", row)} for row in rows]
    assert shown == [set(layer.split(" | ")) for layer in layers]


def _list_anchors(page: Path) -> set[str]:
    """Returns the anchors that a page of Markdown has for its headings."""
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_guide_names_the_secrets_that_pods_and_values_read() -> None:
    guide = text("production.md")
    values = yaml.safe_load((ROOT / "deploy" / "airflow-values.yaml").read_text())
    for name in (values["fernetKeySecretName"], "nightshift-viewer", "nightshift-steps"):
        assert f"create secret generic {name} " in guide
    for key in ("connection", "fernet-key", "api-secret-key", "jwt-secret"):
        assert key in guide
    assert [overlay for overlay in OVERLAYS if f"overlays/{overlay}" not in guide] == []


def _source(path: Path) -> str:
    return path.read_text() if path.exists() else ""
