"""`nightshift repair MODEL`: says what makes ledger, alias and registry agree again; `--apply` does what it can."""

import argparse
import logging

from nightshift import catalog
from nightshift.context import ModelContext, read_model_context, read_run
from nightshift.errors import DONE, BadConfig, DataRejected, NightshiftError
from nightshift.model_card.sentences import clean_text
from nightshift.promotion.cause import build_cause
from nightshift.promotion.consistency import find_disagreements
from nightshift.promotion.ledger_head import accept_end
from nightshift.promotion.repair import Remedy, list_remedies
from nightshift.promotion.sync_alias import sync_alias
from nightshift.reasons import parse_reason
from nightshift.safe_messages import set_up_logs

log = logging.getLogger("nightshift.repair")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(message)s")
    try:
        return _run(arguments)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def _run(arguments: argparse.Namespace) -> int:
    if (arguments.accept_end is None) != (arguments.reason is None):
        raise BadConfig("--accept-end N and --reason TEXT belong together: give both, or neither")
    model = catalog.load_model(arguments.model).name
    context = read_model_context(model)
    if arguments.accept_end is not None:
        return _accept_end(context, arguments.accept_end, parse_reason(arguments.reason))
    remedies = list_remedies(context)
    for remedy in remedies:
        log.info("%s: %s", remedy.finding.code, clean_text(remedy.finding.sentence))
        log.info("  %s: %s", _name_remedy(remedy, applied=arguments.apply), clean_text(remedy.sentence))
    if not remedies:
        log.info("ledger, alias and registry of %s agree: there is nothing to repair", model)
        return DONE
    if not arguments.apply:
        log.info("nothing was changed: `nightshift repair %s --apply` does what can be done from here", model)
        return DataRejected.exit_code
    if any(remedy.by_sync for remedy in remedies) and all(remedy.finding.code != "missing" for remedy in remedies):
        sync_alias(context)
    return _tell_left(context)


def _name_remedy(remedy: Remedy, *, applied: bool) -> str:
    if not remedy.by_sync:
        return "you"
    return "repair" if applied else "would"


def _accept_end(context: ModelContext, number: int, reason: str) -> int:
    cause = build_cause(read_run(context.name))
    entry = accept_end(context, number, reason, cause)
    champion = "no version" if entry.champion is None else f"version {entry.champion.version}"
    log.info("entry %d accepts the end of the ledger: by it %s is champion", entry.number, champion)
    sync_alias(context)
    return _tell_left(context)


def _tell_left(context: ModelContext) -> int:
    left = find_disagreements(context)
    for finding in left:
        log.info("still %s: %s", finding.code, clean_text(finding.sentence))
    if left:
        log.info("not all of it could be repaired")
        return DataRejected.exit_code
    log.info("ledger, alias and registry of %s agree", context.name)
    return DONE
