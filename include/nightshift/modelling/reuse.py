"""The version of a night that stands already: one per night, whatever order the nights of a backfill come in.

A night's window fills up while a backfill runs, so which nights are usable says nothing of whether work is done. What
counts: the same model, night, code and definition, and that every partition the version was made from is unchanged and
still validated.
"""

import logging
from collections.abc import Callable, Mapping

from nightshift.adapters.mlflow.registry import TRAIN_DETAIL, WORK, Registry, Version
from nightshift.context import Context, build_idempotency_key
from nightshift.errors import BadConfig, TryLater
from nightshift.modelling.inputs import Plan
from nightshift.results import Training, TrainResult
from nightshift.stored_records import Misfit, parse_plain

log = logging.getLogger("nightshift.train")
INPUTS = "inputs.json"


def digest_work(context: Context) -> str:
    """The digest of one night's training: of model, night, code version, the model's folder and its definition."""
    return build_idempotency_key(context, "train")


def find_existing(context: Context, plan: Callable[[], Plan]) -> Version | None:
    """The oldest version of this work all of whose inputs are in the plan of now.

    The oldest, because that is what attempts that run at once agree on: a later one never displaces it. `plan` is asked
    only when there is a version. Raises `TryLater` when MLflow fails.
    """
    versions = context.registry.list_tagged_versions(context.model.name, WORK, digest_work(context))
    usable = plan().inputs if versions else {}
    return next((version for version in versions if _is_still_valid(context.registry, version, usable)), None)


def _is_still_valid(registry: Registry, version: Version, usable: Mapping[str, str]) -> bool:
    """Whether every partition that a version was made from is usable now, and the same."""
    read = registry.load_attachment(version.run_id, INPUTS)
    if not read:
        return False
    gone = sorted(uri for uri, digest in read.items() if usable.get(uri) != digest)
    if gone:
        log.info("version %d is not used again: %s changed or is no longer valid", version.number, gone[0])
    return not gone


def read_result(context: Context, version: Version, *, reused: bool) -> TrainResult:
    """Returns what `train` recorded of a version. It was registered last, so all of its run was stored before.

    Raises `TryLater` when the file is not there, `BadConfig` when it is no such record.
    """
    which = f"{TRAIN_DETAIL} of run {version.run_id}, version {version.number},"
    document = context.registry.load_attachment(version.run_id, TRAIN_DETAIL)
    if document is None:
        raise TryLater(f"{which} is not there: MLflow lost a file")
    try:
        training = parse_plain(Training, document)
    except Misfit as misfit:
        raise BadConfig(
            f"{which} is no record of a training ({misfit}): delete the version, then train again"
        ) from None
    return TrainResult(**vars(training), version=version.number, reused=reused)
