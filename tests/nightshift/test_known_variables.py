"""The list of variables against what reads them: names, defaults, and one line for each."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from nightshift.known_variables import AIRFLOW, COMPOSE, DEFAULTS, PLATFORM, SERVICES, STEPS, Variable
from nightshift.settings import RegistrySettings, RetrySettings, RunSettings, StorageSettings

ROOT = Path(__file__).parents[2]
ALL = (*STEPS, *SERVICES, *AIRFLOW, *PLATFORM, *COMPOSE)
COMPOSE_DEFAULT = re.compile(r"\$\{(NIGHTSHIFT_\w+):-([^}]*)\}")


@pytest.mark.parametrize("kind", [StorageSettings, RegistrySettings, RetrySettings, RunSettings])
def test_the_settings_have_the_names_and_the_defaults_of_the_list(kind: type[BaseSettings]) -> None:
    prefix = str(kind.model_config.get("env_prefix"))
    known = {variable.name: variable.default for variable in ALL}
    for name, field in kind.model_fields.items():
        default = known[(prefix + name).upper()]
        if isinstance(field.default, float):
            assert field.default == float(default)
        elif isinstance(field.default, str):
            assert field.default == default
        else:
            assert default == ""


def test_the_compose_files_have_the_defaults_of_the_list() -> None:
    files = (ROOT / "docker-compose.yaml", ROOT / "deploy" / "compose" / "real-cluster.yaml")
    defaults = {pair for file in files for pair in COMPOSE_DEFAULT.findall(file.read_text())}
    assert len(defaults) > 5
    assert {name: default for name, default in defaults if DEFAULTS[name] != default} == {}


@pytest.mark.parametrize("variable", ALL, ids=lambda variable: variable.name)
def test_a_variable_is_described_in_one_line_without_a_full_stop(variable: Variable) -> None:
    assert variable.description.isprintable()
    assert 0 < len(variable.description) < 90
    assert not variable.description.endswith(".")


def test_a_variable_stands_in_the_list_once() -> None:
    names = [variable.name for variable in ALL]
    assert sorted(set(names)) == sorted(names)
