"""What a step or a command is given: the model, the night, who asks, and the clients of every outside system, once.

The ledger and the lake are those of the model; the state of the champion is read by `promotion.sync_alias`, which
returns it. No step and no helper builds a client of its own.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from nightshift import catalog, code_digest
from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.line_digest import digest_lines
from nightshift.definition import Model
from nightshift.result_parts import Decision
from nightshift.settings import RegistrySettings, RunSettings, StorageSettings, read

if TYPE_CHECKING:
    from nightshift.lake.validated_nights import Lake

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class ModelContext:
    """The clients of one model, known by its name alone: for what needs neither a definition nor a night."""

    name: str
    store: ObjectStore
    registry: Registry = field(default_factory=Registry)

    @cached_property
    def ledger(self) -> Ledger:
        """The model's ledger."""
        return Ledger(self.store, self.name)


@dataclass(frozen=True, kw_only=True)
class Context(ModelContext):
    """What every step is given: the clients of a model, its definition, the night, and who asks.

    `decision`: what a person said about the promotion; None where nobody was asked. A context for another night
    (`dataclasses.replace`) shares store and registry and has a lake of its own.
    """

    model: Model
    night: date
    by: RunSettings
    decision: Decision | None = None

    @cached_property
    def lake(self) -> "Lake":
        """The model's datasets, each read once."""
        return self.open_lake()

    def open_lake(self) -> "Lake":
        """Returns a lake that reads anew: for what may have changed since the step began."""
        from nightshift.lake.validated_nights import Lake  # pandas, which promote does without

        return Lake(self.store, self.model)


def open_context(
    model: Model, night: date, store: ObjectStore, by: RunSettings, decision: Decision | None = None
) -> Context:
    """Returns the context of a model's night over a store; MLflow is the one of the environment."""
    return Context(model.name, store, model=model, night=night, by=by, decision=decision)


def read_context(name: str, night: date) -> Context:
    """Returns the context of a model's night as the environment has it. Raises `BadConfig` naming what is wrong."""
    model, by = catalog.load_model(name), read_run(name)
    return open_context(model, night, ObjectStore(read(StorageSettings)), by)


def read_model_context(name: str) -> ModelContext:
    """Returns the clients of a model as the environment has them."""
    return ModelContext(name, ObjectStore(read(StorageSettings)))


def read_model_contexts(names: Sequence[str]) -> list[ModelContext]:
    """Returns the clients of several models, which share them. Raises `BadConfig` as well when MLflow is not named."""
    store, registry = ObjectStore(read(StorageSettings)), Registry(read(RegistrySettings))
    return [ModelContext(name, store, registry) for name in names]


def read_run(name: str) -> RunSettings:
    """Returns who runs, with the version of the code that really runs, if that was edited since the start."""
    by = read(RunSettings)
    if not by.code_digests:
        return by
    now = {code_digest.PLATFORM: code_digest.digest_platform(), name: catalog.digest_model(name)}
    version = code_digest.find_running_version(by.code_version, code_digest.read_digests(by.code_digests), now)
    if version != by.code_version:
        log.info(
            "the code was edited since `make up`, which began with %s: this step runs %s", by.code_version, version
        )
    return by.model_copy(update={"code_version": version})


def build_idempotency_key(context: Context, inputs: str) -> str:
    """The key that finds finished work again: model, night, code version, the model's folder, digest of the inputs."""
    model = context.model
    code = (context.by.code_version, catalog.digest_model(model.name), repr(model))
    return digest_lines((model.name, context.night.isoformat(), *code, inputs), 20)
