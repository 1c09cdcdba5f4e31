"""`nightshift seed MODEL`: lands the nights of a record in the lake, and corrupts or repairs one of them."""

import argparse
import logging
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime

from nightshift import catalog
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.definition import Model, parse_night, parse_nights
from nightshift.errors import DONE, BadConfig, NightshiftError
from nightshift.safe_messages import set_up_logs
from nightshift.seeding import landing
from nightshift.seeding.calendar import Replay
from nightshift.seeding.source import Source, load_source
from nightshift.settings import StorageSettings, read

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seeding:
    """What every part of the command is given. `today` in UTC."""

    store: ObjectStore
    model: Model
    source: Source
    replay: Replay
    today: date


def run(arguments: argparse.Namespace, today: date | None = None) -> int:
    """Runs the command and returns its exit code; the last line logged says what happened."""
    set_up_logs("%(asctime)s %(message)s")
    try:
        log.info("done: %s", _run(arguments, today or datetime.now(UTC).date()))
    except NightshiftError as error:
        log.error("%s: %s", error.outcome, error)
        return error.exit_code
    return DONE


def _run(arguments: argparse.Namespace, today: date) -> str:
    model = catalog.load_model(arguments.model)
    source = load_source(model)
    store = ObjectStore(read(StorageSettings))
    replay = landing.replay_of(store, model, source, arguments.dates, today - landing.ONE_DAY)
    seeding = Seeding(store, model, source, replay, today)
    if arguments.corrupt:
        return corrupt_night(seeding, parse_night(arguments.corrupt))
    if arguments.repair:
        return repair(seeding, parse_night(arguments.repair))
    return land(seeding, *_choose_range(seeding, arguments))


def corrupt_night(seeding: Seeding, night: date) -> str:
    """Corrupts one night's facts. Returns a sentence."""
    facts = landing.load_true_facts(seeding.model, seeding.source, seeding.replay, night)
    frame, altered = seeding.source.corrupt(facts)
    label = landing.land_corrupted(seeding.store, seeding.model, night, frame, altered)
    for sentence in altered:
        log.info("corrupted: %s", sentence)
    return f"night {night} of {seeding.model.name} is now deliberately corrupted, as {label} says"


def repair(seeding: Seeding, night: date) -> str:
    """Puts one night's true facts back. Returns a sentence."""
    facts = landing.load_true_facts(seeding.model, seeding.source, seeding.replay, night)
    return f"{landing.repair(seeding.store, seeding.model, night, facts)} holds what happened again"


def land(seeding: Seeding, first: date, last: date) -> str:
    """Lands the partitions of the nights from `first` to `last` that are missing. Returns a sentence."""
    started = time.monotonic()
    missing = landing.list_missing(seeding.store, seeding.model, seeding.replay, first, last)
    landed = landing.land(seeding.store, seeding.source, missing, _log_progress)
    summary = f"{seeding.model.name} is landed from {first} to {last}"
    if not landed:
        return f"{summary}: nothing was missing"
    return f"{summary}: {landed} partitions in {time.monotonic() - started:.1f} s"


def _log_progress(landed: int, of: int) -> None:
    if landed == of or landed % 200 == 0:
        log.info("landed %d of %d partitions", landed, of)


def _choose_range(seeding: Seeding, arguments: argparse.Namespace) -> tuple[date, date]:
    replay = seeding.replay
    first, last = replay.begins, replay.last if replay.dates == "original" else seeding.today - landing.ONE_DAY
    if arguments.nights:
        first, last = parse_nights(arguments.nights)
    elif arguments.until:
        last = parse_night(arguments.until)
    if not replay.begins <= first <= last:
        raise BadConfig(f"nights {first} to {last} are not part of this replay, which begins on {replay.begins}")
    # One day of tolerance: the clock that names the night may be ahead of ours.
    if replay.dates == "shifted" and last > seeding.today:
        raise BadConfig(f"night {last} has not happened yet: the last that can be landed is {seeding.today}")
    return first, last
