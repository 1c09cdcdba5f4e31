"""`nightshift repair MODEL`: says what would make alias, ledger and registry agree again; `--apply` does it."""

import argparse
import logging
from collections.abc import Sequence

import models
from nightshift.adapters.registry_rest import Registry
from nightshift.adapters.storage import ObjectStore
from nightshift.arguments import Parser
from nightshift.champion.cause import cause_of
from nightshift.champion.consistency import findings
from nightshift.champion.repair import Remedy, Repair
from nightshift.errors import DONE, DataRejected, NightshiftError
from nightshift.failures import set_up_logs
from nightshift.running_code import name_running_code
from nightshift.settings import RunSettings, StorageSettings, read
from nightshift.story.words import printable

log = logging.getLogger("nightshift.repair")

DESCRIPTION = """\
Say what does not agree between the ledger, the alias champion and the registry, and what would be done about each;
nothing is changed without --apply. An alias that was moved by hand is accepted into the ledger, or goes back with
--alias. A ledger with a missing or edited entry cannot be repaired from here, only restored.

Ends with 0 when all agree, before or after the repair, and with 10 when something still does not.
"""


def parser() -> argparse.ArgumentParser:
    """The command line of `nightshift repair`."""
    top = Parser(
        prog="nightshift repair", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(models.names())}")
    top.add_argument("--apply", action="store_true", help="do it")
    top.add_argument("--alias", action="store_true", help="an alias that was moved by hand goes back to the ledger's")
    return top


def main(argv: Sequence[str]) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(message)s")
    arguments = parser().parse_args(argv)
    try:
        return _run(arguments)
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code


def _run(arguments: argparse.Namespace) -> int:
    model, store = models.load(arguments.model).name, ObjectStore(read(StorageSettings))
    repair = Repair(
        store, Registry(), model, cause_of(name_running_code(read(RunSettings), model)), to_ledger=arguments.alias
    )
    remedies = repair.remedies()
    for remedy in remedies:
        log.info("%s: %s", remedy.finding.code, printable(remedy.finding.sentence))
        log.info("  %s: %s", _tense(remedy, applied=arguments.apply), printable(remedy.sentence))
    if not remedies:
        log.info("ledger, alias and registry of %s agree: there is nothing to repair", model)
        return DONE
    if not arguments.apply:
        log.info("nothing was changed: `nightshift repair %s --apply` does it", model)
        return DataRejected.exit_code
    return _applied(repair, remedies)


def _tense(remedy: Remedy, *, applied: bool) -> str:
    if remedy.do is None:
        return "this"
    return "repair" if applied else "would"


def _applied(repair: Repair, remedies: Sequence[Remedy]) -> int:
    for remedy in remedies:
        if remedy.do is not None:
            remedy.do()
    left = findings(repair.store, repair.registry, repair.model)
    for finding in left:
        log.info("still %s: %s", finding.code, printable(finding.sentence))
    if left:
        log.info("not all of it could be repaired")
        return DataRejected.exit_code
    log.info("ledger, alias and registry of %s agree", repair.model)
    return DONE
