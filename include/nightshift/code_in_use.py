"""Which code a step runs: what its result records, and whether the night began with the same."""

import logging
from typing import TypedDict

from nightshift import catalog, code_digest
from nightshift.adapters.s3 import step_results
from nightshift.context import Step
from nightshift.errors import NightshiftError
from nightshift.results import ValidateResult
from nightshift.settings import RunSettings

log = logging.getLogger("nightshift")
FIRST = ValidateResult.verb
"""The first step of a night, whose result says with which code the night began."""


class CodeFields(TypedDict):
    """The fields of a result that say which code made it."""

    code_version: str
    model_code: str
    code_before: str


def name_running_code(by: RunSettings, model: str) -> RunSettings:
    """The settings of a run with the version of the code that it really runs, if that was edited since the start."""
    if not by.code_digests:
        return by
    now = {code_digest.PLATFORM: code_digest.digest_platform(), model: catalog.digest_model(model)}
    version = code_digest.version_that_runs(by.code_version, code_digest.read_digests(by.code_digests), now)
    if version != by.code_version:
        log.info(
            "the code was edited since `make up`, which began with %s: this step runs %s", by.code_version, version
        )
    return by.model_copy(update={"code_version": version})


def describe_code(verb: str, step: Step) -> CodeFields:
    """The code of this step as its result records it. Says when the night's validation ran other code."""
    version, digest = step.by.code_version, catalog.digest_model(step.model.name)
    before = "" if verb == FIRST else _code_of_first(step)
    now = f"{version}, model folder {digest}"
    if before in ("", now):
        return CodeFields(code_version=version, model_code=digest, code_before="")
    log.warning("the code changed since the night's %s: that ran %s; this step runs %s", FIRST, before, now)
    return CodeFields(code_version=version, model_code=digest, code_before=before)


def _code_of_first(step: Step) -> str:
    """The code that the night's validation ran; empty when that is not known."""
    try:
        first = step_results.load(step.store, step.model.name, step.night, ValidateResult)
    except NightshiftError:  # whoever needs that result says so
        return ""
    return f"{first.code_version}, model folder {first.model_code}" if first and first.model_code else ""
