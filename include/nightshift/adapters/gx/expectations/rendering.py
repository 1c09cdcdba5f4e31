"""The content of a validation page: Great Expectations' own renderer and templates, without scripts and references."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.renderer.content_block import ValidationResultsTableContentBlockRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader

from nightshift.adapters.gx.expectations.shown import clean_html

TEMPLATES = Path(__file__).parent / "templates"


class TableWithNotes(ValidationResultsTableContentBlockRenderer):  # type: ignore[misc]  # the library has no types here
    """The table of expectations, with the suite's notes below each: why it stands there, and what real nights have."""

    @classmethod
    def _get_content_block_fn(cls, *args: Any, **kwargs: Any) -> Callable[..., list[list[Any]]]:
        rows_of = super()._get_content_block_fn(*args, **kwargs)

        def build_rows_with_notes(**given: Any) -> list[list[Any]]:
            rows: list[list[Any]] = rows_of(**given)
            notes = given["result"].expectation_config.notes
            if notes:
                rows[0][1] = [*_wrap_in_list(rows[0][1]), _build_note(notes)]
            return rows

        return build_rows_with_notes


def render_body(result: ExpectationSuiteValidationResult) -> str:
    """The sections of a result's page as HTML that only shows: no script, no address, no style of its own."""
    document = _build_renderer().render(result)
    document.sections = document.sections[:-1]  # the last tells times and identifiers of the run, which has none
    return clean_html(_view().render(document, template="body.j2"))


def _wrap_in_list(cell: Any) -> list[Any]:
    return list(cell) if isinstance(cell, list) else [cell]


def _build_note(notes: str | list[str]) -> dict[str, Any]:
    text = notes if isinstance(notes, str) else " ".join(notes)
    template = {"template": "$note", "params": {"note": text}, "tag": "div", "styling": {"classes": ["note"]}}
    return {"content_block_type": "string_template", "string_template": template}


@cache
def _build_renderer() -> Any:
    table = {"class_name": TableWithNotes.__name__, "module_name": __name__}
    sections = {"class_name": "ValidationResultsColumnSectionRenderer", "table_renderer": table}
    return ValidationResultsPageRenderer(column_section_renderer=sections, run_info_at_end=True)


@cache
def _view() -> Any:
    view = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), view.env.loader])
    return view
