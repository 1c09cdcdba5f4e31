"""What a contributor starts with: the hooks run what `make check` runs, and the README is short."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def _read_recipe(target: str) -> list[str]:
    """Returns the commands of a target of the Makefile."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    return [line.strip().removeprefix("@").replace("$(VENV)", ".venv") for line in recipe[1].splitlines()]


def test_the_hooks_run_what_make_check_runs() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert [hook["entry"].removeprefix("env ") for hook in hooks] == _read_recipe("check")
    assert all(hook["language"] == "system" and hook["always_run"] and not hook["pass_filenames"] for hook in hooks)
