"""`nightshift new-model`: what it writes is a model that passes every check as it is, and it overwrites nothing."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from nightshift import catalog
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.cli import main as nightshift
from nightshift.commands import new_model
from nightshift.errors import BadConfig
from nightshift.lake import tables
from support import checkout

# Put together here: a test of the copies looks for files that name a model.
LONGEST = "_".join(["a", "model", "with", "the", "longest", "name", "there", "is", "x"])
TASKS = {"z": "regression", LONGEST: "classification"}
CHECKED = ".mypy_cache"
ABOUT_EVERY_MODEL = ("tests/models/test_a_model_is_a_folder.py", "-k", "not put_there")
PROGRAM = """
import json
from nightshift import catalog
from nightshift.adapters.gx import suites

found = [catalog.load_model(name) for name in catalog.list_names()]
print(json.dumps({m.name: [m.task, sorted(suites.load(d.suite).size for d in m.datasets if d.suite)] for m in found}))
"""


@pytest.fixture(scope="session")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout with a model of each task in it."""
    copy = tmp_path_factory.mktemp("checkout")
    checkout.copy_files(checkout.list_files(), copy)
    subprocess.run(
        ["git", "init", "--quiet"], cwd=copy, check=True
    )  # as a checkout is: some tests ask git for its files
    if (checkout.ROOT / CHECKED).is_dir():  # what mypy found out about the packages that are not copied
        shutil.copytree(checkout.ROOT / CHECKED, copy / CHECKED)
    for name, task in TASKS.items():
        assert nightshift(["new-model", name, "--task", task, "--folder", str(copy)]) == 0
    return copy


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder that looks like a checkout and holds no model."""
    for path in new_model.NEEDED:
        folder = tmp_path / path
        (folder if not folder.suffix else folder.parent).mkdir(parents=True, exist_ok=True)
    for path in new_model.NEEDED[:2]:
        (tmp_path / path).touch()
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def mine() -> list[str]:
    """The scaffolded files, as arguments of a checker."""
    return [f"{top}/{name}" for name in TASKS for top in ("include/models", "tests/models")]


def test_longest_is_the_longest() -> None:
    assert len(LONGEST) == 40


@pytest.mark.parametrize(
    "arguments",
    [
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache"),
        ("mypy",),
        ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_it_passes_every_check_as_it_is(scaffolded: Path, arguments: tuple[str, ...]) -> None:
    folders = [name for name in mine() if arguments[0] != "python" or name.startswith("tests")]
    completed = checkout.run(scaffolded, *arguments, *folders)
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-2000:]


def test_its_definition_and_its_suite_load(scaffolded: Path) -> None:
    completed = checkout.run(scaffolded, "python", "-c", PROGRAM)
    assert completed.returncode == 0, completed.stderr[-2000:]
    document = json.loads(completed.stdout)
    assert set(document) == {*catalog.list_names(), *TASKS}
    assert {name: document[name][0] for name in TASKS} == TASKS
    assert document["z"][1] == [7]


def test_it_says_what_it_wrote_and_what_comes_next(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nightshift(["new-model", "late_parcels", "--folder", str(empty)]) == 0
    output = capsys.readouterr().out
    assert sorted([*map(str, map(Path, new_model.NEEDED[:2])), *_wrote(output)]) == written(empty)
    for command in ("nightshift seed late_parcels", "nightshift validate late_parcels 2", "nightshift train late_"):
        assert f'make shell RUN="{command}' in output
    assert all(len(line) < 120 for line in output.splitlines())


def _wrote(message: str) -> list[str]:
    return [line.removeprefix("wrote ") for line in message.splitlines() if line.startswith("wrote ")]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", TASKS)
def test_it_runs_end_to_end_on_its_invented_record(
    scaffolded: Path,
    store: ObjectStore,
    mlflow_environment: str,  # noqa: ARG001 - the registry
    name: str,
) -> None:
    """From the lake to predictions: the first night's challenger becomes champion and scores the day after."""
    steps = [("seed", name, "--dates", "original"), ("validate", name, "2024-03-01..2024-04-14")]
    steps += [(verb, name, "2024-04-14") for verb in ("train", "evaluate", "promote", "score")]
    for arguments in steps:
        completed = checkout.run(scaffolded, "nightshift", *arguments)
        assert completed.returncode == 0, completed.stdout[-2000:] + completed.stderr[-2000:]
    scores = tables.read(store, store.build_uri(f"scores/{name}/date=2024-04-15/"))
    assert len(scores) == 40
    assert set(scores["model_version"]) == {1}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_checkout_with_it_passes_the_checks_of_all_code_and_of_all_dags(scaffolded: Path) -> None:
    for arguments in (
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--check", "--no-cache", "."),
        ("lint-imports",),
        ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/dags", *ABOUT_EVERY_MODEL),
    ):
        completed = checkout.run(scaffolded, *arguments)
        assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-2000:]


def test_nothing_of_the_template_is_left_unfilled(scaffolded: Path) -> None:
    for name in TASKS:
        for path in (scaffolded / "include/models" / name).iterdir():
            assert "@" not in path.read_text(), path


def test_a_second_one_of_the_same_name_is_refused_and_touches_nothing(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nightshift(["new-model", "late_parcels", "--folder", str(empty)]) == 0
    features = empty / "include/models/late_parcels/features.py"
    features.write_text("# mine")
    assert nightshift(["new-model", "late_parcels", "--folder", str(empty)]) == BadConfig.exit_code
    assert "there is a model late_parcels already" in capsys.readouterr().out
    assert features.read_text() == "# mine"


@pytest.mark.parametrize(
    "path", ["include/models/late", "great_expectations/suites/late.json", "tests/models/late/test_other.py"]
)
def test_what_is_in_the_way_is_named(empty: Path, path: str) -> None:
    (empty / path).parent.mkdir(parents=True, exist_ok=True)
    (empty / path).touch()
    before = written(empty)
    with pytest.raises(BadConfig, match=r"already .*late"):
        new_model.write("late", "regression", empty)
    assert written(empty) == before


def test_a_model_of_another_folder_of_models_counts_as_taken(empty: Path) -> None:
    with pytest.raises(BadConfig, match="holds a model flights"):
        new_model.write("flights", "regression", empty)


@pytest.mark.parametrize(
    "name",
    ["", "Late", "9th", "late-parcels", "class", "späte", "../late", "late\n", "a b", "a" * 41, "_late", "late.py"],
)
def test_a_bad_name_is_refused(empty: Path, name: str) -> None:
    before = written(empty)
    with pytest.raises(BadConfig, match="is no name for a model"):
        new_model.write(name, "regression", empty)
    assert written(empty) == before


def test_a_place_that_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in an image, which has the packages and neither the tests nor the project file."""
    assert nightshift(["new-model", "late", "--folder", str(tmp_path)]) == BadConfig.exit_code
    assert "is no checkout of Nightshift, it lacks pyproject.toml" in capsys.readouterr().out
    assert written(tmp_path) == []


def test_what_cannot_be_written_whole_leaves_nothing_and_can_be_repeated(empty: Path) -> None:
    suites = empty / "great_expectations/suites"
    suites.rmdir()
    suites.touch()
    before = sorted(empty.rglob("*"))
    for _ in range(2):
        with pytest.raises(BadConfig, match=r"suites cannot be written \(File exists\)"):
            new_model.write("late", "regression", empty)
        assert sorted(empty.rglob("*")) == before
    suites.unlink()
    suites.mkdir()
    assert len(new_model.write("late", "regression", empty)) == 8


def test_an_unknown_task_is_wrong_configuration(empty: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        nightshift(["new-model", "late", "--task", "clustering", "--folder", str(empty)])
    assert ended.value.code == BadConfig.exit_code
