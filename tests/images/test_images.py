"""What the images of `make images` must be."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from image_tools import sbom
from image_tools.build import TARGETS, Built
from image_tools.lock_rules import Pin, parse_pins
from nightshift import catalog
from support.image_runs import SOURCES, inspect_image, run, run_docker, run_python

pytestmark = [pytest.mark.images, pytest.mark.timeout(900)]
LARGEST_BYTES = {"steps": 900_000_000, "services": 1_000_000_000, "airflow": 600_000_000}
"""As Docker says it. Of the last two only so that growth is noticed."""
UID = "10001"
STRANGER = "54321:0"
"""A uid that the image does not know, in the group that clusters give such users."""
ABSENT = {
    "steps": ("airflow", "pip", "setuptools"),
    "services": ("airflow", "great_expectations", "pip"),
    "airflow": ("sklearn", "mlflow", "great_expectations", "pandas", "pyarrow", "pip"),
}
PRESENT = {
    "steps": ("sklearn", "mlflow", "pyarrow"),
    "services": ("mlflow", "psycopg2"),
    "airflow": ("airflow", "asyncpg"),
}
LABEL = "org.opencontainers.image."
WRITES_NO_PYC = "import sys; sys.dont_write_bytecode = False\n"
LEFT = r"""
for program in gcc g++ cc c++ clang ld as make pip pip3 uv git curl wget; do command -v $program; done
find /var/lib/apt/lists /var/cache/apt /tmp /var/log -mindepth 1
find / -xdev -not -path '/proc/*' \( -name '*.whl' -o -name '*.deb' -o -name .cache -o -name 'requirements*.txt' \)
find /opt/venv -type d -name tests
python -m pip --version 2>/dev/null
python -m ensurepip --version 2>/dev/null
true
"""
"""Prints every tool, list and download that a build may leave, and nothing else."""
chain = (Path(__file__).with_name("chain_in_image.py")).read_text()
every_target = pytest.mark.parametrize("target", TARGETS)


@every_target
def test_it_is_small(target: str, built: dict[str, str]) -> None:
    assert inspect_image(built[target])["Size"] <= LARGEST_BYTES[target]


@every_target
@pytest.mark.parametrize(("user", "uid"), [("", UID), (STRANGER, "54321")])
def test_it_runs_as_a_number_that_is_not_root_on_a_root_that_cannot_be_written(
    target: str, user: str, uid: str, built: dict[str, str]
) -> None:
    assert inspect_image(built[target])["Config"]["User"] == f"{UID}:{UID}"
    report = run_python(
        built[target], "import os, getpass, tempfile; print(os.getuid(), getpass.getuser(), tempfile.mkdtemp())", user
    )
    assert re.fullmatch(rf"{uid} nightshift /tmp/\w+", report)
    tried = run(
        built[target],
        "sh",
        "-c",
        "for d in / /opt /opt/venv /etc /usr/local; do touch $d/x 2>/dev/null && echo $d; done; true",
        user=user,
    )
    assert tried == ""


@pytest.mark.parametrize("user", ["", STRANGER])
def test_every_part_of_the_chain_works_in_the_image_of_the_steps(user: str, built: dict[str, str]) -> None:
    assert run_python(built["steps"], chain, user).endswith("modules and all parts work")
    assert run(built["steps"], "nightshift", "--help", user=user).startswith("usage: nightshift")


@pytest.mark.parametrize("user", ["", STRANGER])
def test_airflow_reads_every_dag_on_a_root_that_cannot_be_written(user: str, built: dict[str, str]) -> None:
    program = (
        "from airflow.dag_processing.dagbag import DagBag\n"
        "bag = DagBag('/opt/nightshift/dags')\n"
        "print(sorted(bag.dags), bag.import_errors)\n"
    )
    kinds = ("nightly", "replay", "rescore", "set_champion")  # both models that ship are replayed
    expected = sorted(f"{name}_{kind}" for name in catalog.list_names() for kind in kinds)
    assert run_python(built["airflow"], program, user).splitlines()[-1] == f"{expected} {{}}"
    assert run(built["airflow"], "airflow", "version", user=user).startswith("3.")


def test_the_servers_start(built: dict[str, str]) -> None:
    assert "version" in run(built["services"], "weed", "version")
    assert run(built["services"], "mlflow", "--version").startswith("mlflow, version 3.")


@every_target
def test_it_holds_what_it_needs_and_nothing_of_the_others(target: str, built: dict[str, str]) -> None:
    find = (
        f"from importlib.util import find_spec\nprint([n for n in {ABSENT[target] + PRESENT[target]} if find_spec(n)])"
    )
    assert ast.literal_eval(run_python(built[target], find)) == list(PRESENT[target])


@every_target
def test_what_is_installed_is_what_the_lock_says(target: str, built: dict[str, str]) -> None:
    listed = "from importlib.metadata import distributions as d\nprint({x.metadata['Name']: x.version for x in d()})"
    installed = {
        _normal(name): version for name, version in ast.literal_eval(run_python(built[target], listed)).items()
    }
    locked = {pin.name: pin.version for pin in _lock(target)}
    assert installed.items() <= locked.items()
    assert set(locked) - set(installed) <= {"backports-asyncio-runner", "colorama"}, (
        "only those of other systems are left out"
    )


@every_target
def test_nothing_of_the_build_is_left(target: str, built: dict[str, str]) -> None:
    left = run(built[target], "sh", "-c", LEFT, user="0:0")
    assert left == ""


@every_target
def test_bytecode_is_there_so_that_an_import_adds_none(target: str, built: dict[str, str]) -> None:
    program = {
        "steps": chain,
        "services": "import mlflow.server, psycopg2, boto3",
        "airflow": "import airflow.cli.cli_parser, airflow.models.dag",
    }
    name = run_docker("create", "--interactive", "--user", "0:0", "--entrypoint", "python", built[target], "-")
    try:
        run_docker("start", "--interactive", "--attach", name, stdin=WRITES_NO_PYC + program[target])
        changed = run_docker("diff", name).splitlines()
    finally:
        run_docker("rm", "--force", name)
    assert [line for line in changed if "pyc" in line] == []


@every_target
def test_labels_and_tag_carry_the_version_of_the_code(target: str, built: dict[str, str]) -> None:
    image = inspect_image(built[target])
    labels = {
        key.removeprefix(LABEL): value for key, value in image["Config"]["Labels"].items() if key.startswith(LABEL)
    }
    assert labels["version"] == labels["revision"]
    assert f"nightshift-{target}:{labels['version']}" in image["RepoTags"]
    assert labels["title"] == f"Nightshift {'Airflow' if target == 'airflow' else target}"
    assert labels["licenses"] == "Apache-2.0"
    assert labels["base.name"]
    if target == "steps":
        assert f"NIGHTSHIFT_RUN_CODE_VERSION={labels['version']}" in image["Config"]["Env"]


@every_target
@pytest.mark.usefixtures("engine")
def test_a_change_of_code_builds_no_layer_above_the_code_again(target: str, tmp_path: Path) -> None:
    for name in (
        ".dockerignore",
        "Dockerfile",
        "requirements",
        "include",
        "plugins",
        "dags",
        "great_expectations",
        "tools",
    ):
        source = SOURCES / name
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tmp_path / name, ignore=skipped) if source.is_dir() else shutil.copy(
            source, tmp_path / name
        )
    _rebuilt(target, tmp_path)
    with (tmp_path / "include/nightshift/errors.py").open("a") as stream:
        stream.write(f"\nTRIAL = '{uuid4()}'\n")
    steps = _rebuilt(target, tmp_path)
    anew = [step for step, cached in steps.items() if not cached]
    remaining = [step for step, cached in steps.items() if cached]
    assert any("/opt/venv" in step for step in remaining)
    assert anew, "the change was not seen"
    assert all(re.search(r"/opt/nightshift|COPY (include|plugins|dags)", step) or "WORKDIR" in step for step in anew)


@every_target
def test_the_list_of_its_parts_is_valid_and_whole(target: str, built: dict[str, str], tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    path = tmp_path / "parts.json"
    name = next(tag for tag in inspect_image(built[target])["RepoTags"] if not tag.endswith(":local"))
    number = sbom.write_sbom(Built(target, name, built[target], 0, 0), SOURCES / "requirements" / f"{target}.txt", path)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None
    parts = json.loads(path.read_text())["components"]
    assert number == len(parts)
    urls = {part["purl"].split("@")[0] for part in parts}
    assert {"pkg:deb/debian/python3-minimal", "pkg:deb/debian/libc6", "pkg:pypi/boto3"} <= urls
    python_parts = [part for part in parts if part["purl"].startswith("pkg:pypi/")]
    assert all(part["externalReferences"][0]["hashes"] for part in python_parts)
    assert sum("licenses" in part for part in python_parts) > 0.95 * len(python_parts)


def _rebuilt(target: str, context: Path) -> dict[str, bool]:
    """Build the target from `context` without a tag; each step that runs or copies → whether it came from the cache."""
    arguments = (
        "docker",
        "buildx",
        "build",
        "--progress=plain",
        "--target",
        target,
        "--output=type=cacheonly",
        str(context),
    )
    completed = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=900)
    assert completed.returncode == 0, completed.stderr[-2000:]
    named = dict(
        re.findall(r"^#(\d+) \[(?!internal)[^]]*\] ((?:RUN|COPY|WORKDIR) .*)$", completed.stderr, re.MULTILINE)
    )
    cached = set(re.findall(r"^#(\d+) CACHED$", completed.stderr, re.MULTILINE))
    return {step: number in cached for number, step in named.items()}


def _lock(target: str) -> list[Pin]:
    return parse_pins((SOURCES / "requirements" / f"{target}.txt").read_text())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
