"""The HTML around a validation: a banner that says what was checked and how it ended, then the report itself.

A page is one file that refers to nothing else: its style is in it, it has no script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup

from nightshift.core.check_failure import CheckFailure

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the banner shows. `night` is the run's, `partition_night` the date of the partition (the schedule's is a day
    later). `suite` is None where the dataset has none. `remarks`: what is odd and no failure. `corrupted`: what was
    altered on purpose; empty for true data.
    """

    model: str
    night: str
    dataset: str
    partition: str
    partition_night: str
    suite: str | None
    key: tuple[str, ...]
    rows: int
    expectations: int
    failed: int
    remarks: tuple[str, ...] = ()
    corrupted: tuple[str, ...] = ()


def report(page: Page, body: str, failures: Sequence[CheckFailure]) -> bytes:
    """The page of a partition that could be checked. `body` is HTML that was made harmless before."""
    return _load_template("report.html").render(page=page, body=Markup(body), failures=failures).encode()  # noqa: S704


def render_unreadable(page: Page, problem: str) -> bytes:
    """The page of a partition that is missing, empty or corrupt, in the same look."""
    return _load_template("unreadable.html").render(page=page, problem=problem).encode()


@cache
def _load_template(name: str) -> Template:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals["style"] = Markup((FOLDER / "style.css").read_text())  # noqa: S704 - our own file
    return environment.get_template(name)
