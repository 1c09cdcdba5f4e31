"""Which code a step runs: what its result records, and whether the night began with the same."""

import logging
from typing import TypedDict

from nightshift import catalog
from nightshift.adapters.s3 import step_results
from nightshift.context import Context
from nightshift.errors import NightshiftError
from nightshift.results import ValidateResult

log = logging.getLogger("nightshift")
FIRST = ValidateResult.verb
"""The first step of a night, whose result says with which code the night began."""


class CodeFields(TypedDict):
    """The fields of a result that say which code made it."""

    code_version: str
    model_code: str
    code_before: str


def describe_code(verb: str, context: Context) -> CodeFields:
    """The code of this step as its result records it. Says when the night's validation ran other code."""
    version, digest = context.by.code_version, catalog.digest_model(context.model.name)
    before = "" if verb == FIRST else _find_first_code(context)
    now = f"{version}, model folder {digest}"
    if before in ("", now):
        return CodeFields(code_version=version, model_code=digest, code_before="")
    log.warning("the code changed since the night's %s: that ran %s; this step runs %s", FIRST, before, now)
    return CodeFields(code_version=version, model_code=digest, code_before=before)


def _find_first_code(context: Context) -> str:
    """The code that the night's validation ran; empty when that is not known."""
    try:
        first = step_results.load(context.store, context.model.name, context.night, ValidateResult)
    except NightshiftError:  # whoever needs that result says so
        return ""
    return f"{first.code_version}, model folder {first.model_code}" if first and first.model_code else ""
