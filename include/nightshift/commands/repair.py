"""`nightshift repair MODEL`: says what makes ledger, alias and registry agree again; `--apply` does what it can."""

import argparse
import logging

from nightshift import catalog
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.code_in_use import name_running_code
from nightshift.errors import DONE, BadConfig, DataRejected, NightshiftError
from nightshift.model_card.sentences import printable
from nightshift.promotion.cause import cause_of
from nightshift.promotion.consistency import find_disagreements
from nightshift.promotion.ledger_head import accept_end
from nightshift.promotion.repair import Remedy, list_remedies
from nightshift.promotion.sync_alias import sync_alias
from nightshift.reasons import parse_reason
from nightshift.safe_messages import set_up_logs
from nightshift.settings import RunSettings, StorageSettings, read

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
    model, registry = catalog.load_model(arguments.model).name, Registry()
    ledger = Ledger(ObjectStore(read(StorageSettings)), model)
    if arguments.accept_end is not None:
        return _accept_end(registry, ledger, arguments.accept_end, parse_reason(arguments.reason))
    remedies = list_remedies(ledger.store, registry, model)
    for remedy in remedies:
        log.info("%s: %s", remedy.finding.code, printable(remedy.finding.sentence))
        log.info("  %s: %s", _name_remedy(remedy, applied=arguments.apply), printable(remedy.sentence))
    if not remedies:
        log.info("ledger, alias and registry of %s agree: there is nothing to repair", model)
        return DONE
    if not arguments.apply:
        log.info("nothing was changed: `nightshift repair %s --apply` does what can be done from here", model)
        return DataRejected.exit_code
    if any(remedy.by_sync for remedy in remedies) and all(remedy.finding.code != "missing" for remedy in remedies):
        sync_alias(registry, ledger)
    return _tell_left(registry, ledger)


def _name_remedy(remedy: Remedy, *, applied: bool) -> str:
    if not remedy.by_sync:
        return "you"
    return "repair" if applied else "would"


def _accept_end(registry: Registry, ledger: Ledger, number: int, reason: str) -> int:
    cause = cause_of(name_running_code(read(RunSettings), ledger.model))
    entry = accept_end(registry, ledger, number, reason, cause)
    champion = "no version" if entry.champion is None else f"version {entry.champion.version}"
    log.info("entry %d accepts the end of the ledger: by it %s is champion", entry.number, champion)
    sync_alias(registry, ledger)
    return _tell_left(registry, ledger)


def _tell_left(registry: Registry, ledger: Ledger) -> int:
    left = find_disagreements(ledger.store, registry, ledger.model)
    for finding in left:
        log.info("still %s: %s", finding.code, printable(finding.sentence))
    if left:
        log.info("not all of it could be repaired")
        return DataRejected.exit_code
    log.info("ledger, alias and registry of %s agree", ledger.model)
    return DONE
