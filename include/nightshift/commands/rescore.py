"""`nightshift rescore MODEL FROM..TO`: nights whose predictions a withdrawn version made are scored again."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from nightshift import catalog
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.manifests import manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.argument_parser import Parser
from nightshift.code_in_use import name_running_code
from nightshift.context import Step
from nightshift.definition import Model, parse_nights
from nightshift.errors import DONE, BadConfig, DataRejected, NightshiftError, NothingToDo
from nightshift.model_card.publish_card import publish_cards
from nightshift.results import Outcome, ScoreResult
from nightshift.run_step import perform
from nightshift.safe_messages import set_up_logs
from nightshift.settings import RunSettings, StorageSettings, read

log = logging.getLogger("nightshift.rescore")
GOES_ON = (DONE, DataRejected.exit_code, BadConfig.exit_code, NothingToDo.exit_code)
"""Ends of one night that say nothing of the next; any other is a failure of a system outside, or a bug."""

DESCRIPTION = """\
Score nights again whose published predictions were made by a version that was withdrawn since. Each is scored by the
version that scores it now, and published as a whole; what was published before stays on record in its manifest.
Nights without predictions, or with those of a version that was not withdrawn, are left as they are.
"""


@dataclass(frozen=True)
class Night:
    """One night of the range: the version that published its predictions (None: nobody), and who scores it now."""

    step: Step
    published: int | None
    scorer: int | None
    withdrawn: bool


def parser() -> argparse.ArgumentParser:
    """The command line of `nightshift rescore`."""
    top = Parser(
        prog="nightshift rescore", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(catalog.list_names())}")
    top.add_argument("nights", metavar="FROM..TO", help="nights as the runs are named; each scores the next schedule")
    top.add_argument(
        "--all", action="store_true", help="also nights that any other version scored than the one that scores them now"
    )
    return top


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(asctime)s %(message)s")
    arguments = parser().parse_args(argv)
    try:
        first, last = parse_nights(arguments.nights)
        by = name_running_code(read(RunSettings), arguments.model)
        step = Step(catalog.load_model(arguments.model), first, ObjectStore(read(StorageSettings)), by)
        return rescore(step, last, everything=arguments.all)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def rescore(first: Step, last: date, *, everything: bool) -> int:
    """Scores the nights from that of `first` to `last` again that need it, a line for each.

    Returns 0, or the exit code of the worst night, 20 being worse than 10; another failure ends it at once with its
    own code.
    Raises `TryLater` when S3 or MLflow fails while it looks for them.
    """
    codes: list[int] = []
    concerned: list[int | None] = []
    for night in looked_at(first, last):
        left = _left_as_it_is(night, everything=everything)
        if left:
            log.info("%s left as it is: %s", night.step.night, left)
            continue
        code = _scored_again(night)
        codes.append(code)
        if code == DONE:
            concerned += [night.published, night.scorer]
        if code not in GOES_ON:
            break
    publish_cards(first.store, Registry(), first.model.name, *concerned)
    return _ended(first.model, codes)


def looked_at(first: Step, last: date) -> Iterator[Night]:
    """The nights of the range, with who scored them. Raises `TryLater` when S3 or MLflow fails."""
    from nightshift.steps import score

    night = first.night
    while night <= last:
        step = replace(first, night=night)
        current = manifest(step.store, score.partition_of(step, score.scored_day(step.model, night)))
        published = None if current is None else _version(current.meta.get("version"))
        scorer, withdrawn = score.read_scorer(step) if current else (None, frozenset())
        # Of a model with a longer period most days are no night; which ones are, the first of the range need not tell.
        if current is not None or first.model.schedule.days == 1:
            yield Night(step, published, scorer, published in withdrawn)
        night += timedelta(days=1)


def _left_as_it_is(night: Night, *, everything: bool) -> str:
    """Why a night is not scored again; empty when it is."""
    if night.published is None:
        return "nothing was published for it"
    if night.withdrawn:
        return "" if night.scorer is not None else f"version {night.published} scored it and there is no champion now"
    if everything and night.scorer not in (night.published, None):
        return ""
    return f"version {night.published} scored it, which is not withdrawn"


def _scored_again(night: Night) -> int:
    from nightshift.steps import score

    def publish(step: Step) -> Outcome[ScoreResult]:
        return score.publish_with(step, night.scorer)

    result, code = perform("score", night.step, publish)
    log.log(
        logging.INFO if code == DONE else logging.ERROR, "%s %s: %s", night.step.night, result.outcome, result.summary
    )
    return code


def _ended(model: Model, codes: list[int]) -> int:
    if codes and codes[-1] not in GOES_ON:
        return codes[-1]
    failed = [code for code in codes if code not in (DONE, NothingToDo.exit_code)]
    log.info("done: %d nights of %s are scored again, %d could not be", codes.count(DONE), model.name, len(failed))
    return max(failed, default=DONE)


def _version(text: object) -> int | None:
    return int(text) if isinstance(text, int | str) and str(text).isdecimal() else None
