"""`nightshift check [MODEL …]`: tries models' code and estimators without any data, before a night does."""

import argparse
import logging

from nightshift import catalog
from nightshift.adapters.gx import suites
from nightshift.definition import Model
from nightshift.errors import DONE, NightshiftError
from nightshift.safe_messages import allow_values, set_up_logs, show_values
from nightshift.user_code import get_function, load_part

log = logging.getLogger("nightshift.check")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    set_up_logs("%(message)s")
    try:
        if arguments.show_values:
            allow_values()
            set_up_logs("%(message)s")
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    return max((_check_model(name) for name in arguments.models or catalog.list_names()), default=DONE)


def _check_model(name: str) -> int:
    """Checks one model and says how it went; returns the exit code."""
    try:
        check_model(catalog.load_model(name))
    except NightshiftError as error:
        log.error("%s: %s: %s", name[:40], error.outcome, error)
        show_values(error)
        return error.exit_code
    log.info("%s: its definition, suites, functions and estimator are fine", name)
    return DONE


def check_model(model: Model) -> None:
    """Raises `BadConfig` for the first thing about a model that no data could mend."""
    for suite in (dataset.suite for dataset in model.datasets):
        if suite is not None:
            suites.load(suite)
    code = load_part(model, "features")
    for name in ("features", "labels", *(["slices"] if model.gate.slices else [])):
        get_function(code, name)
    # These import pandas and scikit-learn, which --help does without.
    from nightshift.modelling.estimators import try_estimator
    from nightshift.modelling.user_functions import UserFunctions

    UserFunctions(model).list_retired()
    try_estimator(model)
