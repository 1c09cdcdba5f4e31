"""`nightshift rescore MODEL FROM..TO`: nights whose predictions a withdrawn version made are scored again."""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from nightshift.adapters.s3.manifests import load_manifest
from nightshift.context import Context, read_context
from nightshift.definition import Model, parse_nights
from nightshift.errors import DONE, BadConfig, DataRejected, NightshiftError, NothingToDo
from nightshift.model_card.publish_card import publish_cards
from nightshift.promotion.champion_state import ChampionState, find_scorer
from nightshift.promotion.sync_alias import sync_alias
from nightshift.results import Outcome, ScoreResult
from nightshift.run_step import perform
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.rescore")
GOES_ON = (DONE, DataRejected.exit_code, BadConfig.exit_code, NothingToDo.exit_code)
"""Ends of one night that say nothing of the next; any other is a failure of a system outside, or a bug."""


@dataclass(frozen=True)
class Night:
    """One night with predictions: the version that published them (None: not known), and who scores it now."""

    context: Context
    state: ChampionState
    published: int | None
    scorer: int | None

    @property
    def withdrawn(self) -> bool:
        """Whether the version that published was withdrawn since."""
        return self.published in self.state.withdrawn_versions


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(asctime)s %(message)s")
    try:
        first, last = parse_nights(arguments.nights)
        return rescore(read_context(arguments.model, first), last, everything=arguments.all)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def rescore(first: Context, last: date, *, everything: bool) -> int:
    """Scores the nights from that of `first` to `last` again that need it, a line for each.

    Returns 0, or the exit code of the worst night, 20 being worse than 10; another failure ends it at once with its
    own code.
    Raises `TryLater` when S3 or MLflow fails while it looks for them.
    """
    codes: list[int] = []
    concerned: list[int | None] = []
    for night in list_published(first, last):
        left = _explain_skip(night, everything=everything)
        if left:
            log.info("%s left as it is: %s", night.context.night, left)
            continue
        code = _score_again(night)
        codes.append(code)
        if code == DONE:
            concerned += [night.published, night.scorer]
        if code not in GOES_ON:
            break
    publish_cards(first, *concerned)
    return _choose_exit_code(first.model, codes)


def list_published(first: Context, last: date) -> Iterator[Night]:
    """Yields the nights of the range that have predictions; logs those that have none.

    The champion's state is read for each: it may change while nights are scored. Raises `TryLater` when S3 or MLflow
    fails.
    """
    from nightshift.steps import score

    for days in range((last - first.night).days + 1):
        context = replace(first, night=first.night + timedelta(days=days))
        current = load_manifest(
            context.store, score.build_partition_uri(context, score.compute_scored_day(first.model, context.night))
        )
        if current is not None:
            state = sync_alias(context)
            champion = find_scorer(context, state, context.night)
            published = _parse_version(current.meta.get("version"))
            yield Night(context, state, published, champion.number if champion else None)
        # Of a model with a longer period most days are no night; which ones are, the first of the range need not tell.
        elif first.model.schedule.days == 1:
            log.info("%s left as it is: nothing was published for it", context.night)


def _explain_skip(night: Night, *, everything: bool) -> str:
    """Why a night is not scored again; empty when it is."""
    if night.published is None:
        return "its manifest does not say which version scored it"
    if night.withdrawn:
        return "" if night.scorer is not None else f"version {night.published} scored it and there is no champion now"
    if everything and night.scorer not in (night.published, None):
        return ""
    return f"version {night.published} scored it, which is not withdrawn"


def _score_again(night: Night) -> int:
    from nightshift.steps import score

    def publish(context: Context) -> Outcome[ScoreResult]:
        return score.publish_with(context, night.state, night.scorer)

    result, code = perform("score", night.context, publish)
    log.log(
        logging.INFO if code == DONE else logging.ERROR,
        "%s %s: %s",
        night.context.night,
        result.outcome,
        result.summary,
    )
    return code


def _choose_exit_code(model: Model, codes: list[int]) -> int:
    if codes and codes[-1] not in GOES_ON:
        return codes[-1]
    failed = [code for code in codes if code not in (DONE, NothingToDo.exit_code)]
    log.info("done: %d nights of %s are scored again, %d could not be", codes.count(DONE), model.name, len(failed))
    return max(failed, default=DONE)


def _parse_version(text: object) -> int | None:
    return int(text) if isinstance(text, int | str) and str(text).isdecimal() else None
