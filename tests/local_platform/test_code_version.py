"""The code version changes when, and only when, what the steps run changes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local_platform.code_version import read_code_version


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@localhost")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "step.py").write_text("one")
    (tmp_path / "README.md").write_text("text")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ("git", "-C", str(folder), *arguments), check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_clean_checkout_is_named_by_its_commit(checkout: Path) -> None:
    assert read_code_version(checkout) == _git(checkout, "rev-parse", "--short=12", "HEAD")


def test_each_change_that_is_not_committed_has_a_version_of_its_own(checkout: Path) -> None:
    clean, versions = read_code_version(checkout), set()
    for text in ("two", "three", "four"):
        (checkout / "include" / "step.py").write_text(text)
        versions.add(read_code_version(checkout))
        assert read_code_version(checkout).startswith(f"{clean}-dirty-")
    assert len(versions) == 3


def test_what_no_step_runs_does_not_count(checkout: Path) -> None:
    (checkout / "include" / "step.py").write_text("two")
    before = read_code_version(checkout)
    (checkout / "README.md").write_text("another text")
    (checkout / "include" / "__pycache__").mkdir()
    (checkout / "include" / "__pycache__" / "step.cpython-311.pyc").write_bytes(b"compiled")
    assert read_code_version(checkout) == before


def test_without_git_the_content_is_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "step.py").write_text("one")
    first = read_code_version(tmp_path)
    assert first.startswith("no-git-")
    (tmp_path / "include" / "step.py").write_text("two")
    assert read_code_version(tmp_path) != first


def test_a_file_that_git_does_not_know_has_a_version_of_its_own(checkout: Path) -> None:
    clean, model = read_code_version(checkout), checkout / "include" / "models" / "new" / "definition.py"
    model.parent.mkdir(parents=True)
    versions = []
    for text in ("one", "two", "three"):
        model.write_text(text)
        versions.append(read_code_version(checkout))
    assert len(set(versions)) == 3
    assert all(version.startswith(f"{clean}-dirty-") for version in versions)
    _git(checkout, "add", ".")
    _git(checkout, "commit", "--quiet", "-m", "the model")
    assert read_code_version(checkout) == _git(checkout, "rev-parse", "--short=12", "HEAD")


def test_what_git_ignores_is_not_a_change(checkout: Path) -> None:
    clean = read_code_version(checkout)
    (checkout / ".git" / "info" / "exclude").write_text("*.log\n")
    (checkout / "include" / "a.log").write_text("text")
    assert read_code_version(checkout) == clean


def test_a_checkout_unpacked_inside_another_repository_has_no_version_of_that(checkout: Path) -> None:
    inner = checkout / "copy"
    (inner / "include").mkdir(parents=True)
    (inner / "include" / "step.py").write_text("one")
    (checkout / ".git" / "info" / "exclude").write_text("copy/\n")
    assert read_code_version(inner).startswith("no-git-")


def test_the_repository_of_a_hook_is_not_ours(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean, other = read_code_version(checkout), tmp_path_factory.mktemp("other")
    _git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert read_code_version(checkout) == clean


def test_where_only_docker_is_a_script_says_the_same(checkout: Path) -> None:
    def version() -> str:
        command = ("sh", str(checkout / "tools" / "code-version"))
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    (checkout / "tools").mkdir()
    shutil.copy(Path(__file__).parents[2] / "tools" / "code-version", checkout / "tools")
    clean = read_code_version(checkout)
    assert version() == clean
    versions = set()
    for text in ("one", "two"):
        (checkout / "include" / "new.py").write_text(text)
        versions.add(version())
    assert len(versions) == 2
    assert all(name.startswith(f"{clean}-dirty-") for name in versions)
