"""Says in a sentence which expectation does not hold, and by how much."""

import re
from html import unescape
from string import Template
from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.expectations.registry import get_renderer_impl

PRESCRIPTIVE = "renderer.prescriptive"


def name_subject(evr: ExpectationValidationResult) -> str | None:
    """What the expectation is about: its column or columns; None when it is the table."""
    kwargs = evr.expectation_config.kwargs
    if "column" in kwargs:
        return str(kwargs["column"])
    names = [kwargs[name] for name in ("column_A", "column_B") if name in kwargs] or kwargs.get("column_list", [])
    return ", ".join(map(str, names)) or None


def describe_failure(evr: ExpectationValidationResult) -> str:
    """The sentence of one failed expectation, from the harmless result."""
    rule = _describe_rule(evr).rstrip(".")
    return f"{name_subject(evr) or 'the table'}: {rule[:1].lower()}{rule[1:]}; {_describe_observed(evr)}"


def _describe_rule(evr: ExpectationValidationResult) -> str:
    """What was expected: in the words of the page, or where these are a table, in those of the suite."""
    config = evr.expectation_config
    if config.description:
        return str(config.description)
    renderer = get_renderer_impl(object_name=config.type, renderer_type=PRESCRIPTIVE)
    blocks = renderer[1](configuration=config, runtime_configuration={"include_column_name": False}) if renderer else ()
    sentence = " ".join(
        _render_plain_text(block.string_template) for block in blocks if hasattr(block, "string_template")
    )
    notes = config.notes if isinstance(config.notes, str) else " ".join(config.notes or ())
    if sentence.startswith(f"{config.type}("):  # the library has no sentence for this expectation
        sentence = ""
    return sentence or notes or str(config.type).replace("_", " ")


def _render_plain_text(template: dict[str, Any]) -> str:
    text = Template(template["template"]).safe_substitute(template.get("params", {}))
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", text))).strip()


def _describe_observed(evr: ExpectationValidationResult) -> str:
    result = evr.result
    if evr.exception_info["raised_exception"]:
        return str(evr.exception_info["exception_message"])
    if result.get("unexpected_count") and result.get("element_count"):
        share = result.get("unexpected_percent") or 0.0
        return f"{result['unexpected_count']} of {result['element_count']} rows do not ({share:.1f} %)"
    observed = result.get("observed_value")
    if observed is None:
        return "this does not hold"
    if isinstance(observed, dict):
        return f"found {', '.join('(not shown)' if value is None else str(value) for value in observed['values'])}"
    return f"found {unescape(str(observed))}"
