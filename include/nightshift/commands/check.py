"""`nightshift check [MODEL …]`: tries models' code and estimators without any data, before a night does."""

import logging
from collections.abc import Sequence

from nightshift import catalog
from nightshift.adapters.gx import suites
from nightshift.argument_parser import Parser, start_parser
from nightshift.definition import Model
from nightshift.errors import DONE, NightshiftError
from nightshift.safe_messages import allow_values, set_up_logs, show_values
from nightshift.user_code import function_of, load_part

log = logging.getLogger("nightshift.check")
DETAILS = """\
Loads each model's definition, suites and functions; makes its estimator, fits it on made-up rows, lets it predict,
stores it with skops and loads it again with TRUSTED alone. It reads nothing from the lake and writes nothing.

Ends with 0 if all models are fine, and with 20 if one is not; the log says what to change where.
"""
EXAMPLES = """\
nightshift check    # every model
nightshift check flights
"""


def make_parser() -> Parser:
    """Returns the command line of `nightshift check`."""
    parser = start_parser("check", DETAILS, EXAMPLES)
    parser.add_argument("models", metavar="MODEL", nargs="*", help="folders of include/models; default: all")
    parser.add_argument("--show-values", action="store_true", help="print exceptions in full; in a terminal only")
    return parser


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code."""
    arguments = make_parser().parse_args(argv)
    set_up_logs("%(message)s")
    try:
        if arguments.show_values:
            allow_values()
            set_up_logs("%(message)s")
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    return max((_checked(name) for name in arguments.models or catalog.list_names()), default=DONE)


def _checked(name: str) -> int:
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
        function_of(code, name)
    # These import pandas and scikit-learn, which --help does without.
    from nightshift.modelling.estimators import try_estimator
    from nightshift.modelling.user_functions import UserFunctions

    UserFunctions(model).retired()
    try_estimator(model)
