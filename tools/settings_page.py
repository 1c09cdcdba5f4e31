"""`python tools/settings_page.py`: writes docs/settings.md from the lists that the code itself reads.

A test fails when the page differs from what this program would write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path

from local_platform.one_machine.settings import Settings, name_variable
from nightshift.errors import list_exit_codes
from nightshift.known_variables import AIRFLOW, COMPOSE, PLATFORM, SERVICES, STEPS, Variable

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
TEXT = """\
# Settings and exit codes

`tools/settings_page.py` writes this page from `include/nightshift/known_variables.py` and
`include/nightshift/errors.py`; `nightshift --help` prints the same. An unknown variable that begins
with `NIGHTSHIFT_` is refused, with the nearest known name.

## Exit codes of `nightshift`

{codes}

## Steps and the command line

On a cluster these come from the ConfigMap and the Secret `nightshift-steps`; on one machine and under
docker compose the platform sets them. `NIGHTSHIFT_RUN_…` is set by Airflow's plugin.

{steps}

Under the names of the clients of MLflow and S3:

{services}

## Airflow

Airflow also needs the `NIGHTSHIFT_S3_…` of the steps, for its pages, and their
`NIGHTSHIFT_RETRY_SECONDS`.

{airflow}

## One machine

`make up` and `make demo` read these from the shell:

{platform}

The first start writes `.nightshift/settings.env`. Change a line there and run `make up` again.

{file}

## docker compose

Set them in the shell, or in a file `.env` beside `docker-compose.yaml`.

{compose}
"""


def make_page() -> str:
    """Returns the text of docs/settings.md."""
    return TEXT.format(
        codes=_make_table(("exit code", "meaning"), ((str(code), meaning) for code, meaning in list_exit_codes())),
        steps=_list_variables(STEPS),
        services=_list_variables(SERVICES),
        airflow=_list_variables(AIRFLOW),
        platform=_list_variables(PLATFORM),
        file=_list_variables(_read_settings_file()),
        compose=_list_variables(COMPOSE),
    )


def _read_settings_file() -> list[Variable]:
    """Returns the lines of `settings.env`; a port has a default, a secret is generated."""
    return [
        Variable(
            name_variable(field.name),
            field.metadata["meaning"],
            "generated" if field.default is MISSING else str(field.default),
        )
        for field in fields(Settings)
    ]


def _list_variables(variables: Iterable[Variable]) -> str:
    head = ("variable", "for what", "default")
    return _make_table(head, ((f"`{each.name}`", each.description, each.default) for each in variables))


def _make_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_make_row(cells) for cells in (head, ["---"] * len(head), *rows))


def _make_row(cells: Sequence[str]) -> str:
    shown = (cell.replace("<", "&lt;").replace(">", "&gt;") for cell in cells)
    return f"| {' | '.join(shown)} |"


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
    print(f"wrote {PAGE}")
