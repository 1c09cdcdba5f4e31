"""What every step is given, and the key that finds its finished work again."""

from dataclasses import dataclass
from datetime import date

from nightshift import catalog
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.line_digest import digest_lines
from nightshift.definition import Model
from nightshift.results import Decision
from nightshift.settings import RunSettings


@dataclass(frozen=True)
class Step:
    """What every step is given: the model, the night, the object store, and who asks.

    `decision`: what a person said about the promotion; None where nobody was asked.
    """

    model: Model
    night: date
    store: ObjectStore
    by: RunSettings
    decision: Decision | None = None


def idempotency_key(step: Step, inputs: str) -> str:
    """The key that finds finished work again: model, night, code version, the model's folder, digest of the inputs."""
    code = (step.by.code_version, catalog.digest_model(step.model.name), repr(step.model))
    parts = (step.model.name, step.night.isoformat(), *code, inputs)
    return digest_lines(parts, 20)
