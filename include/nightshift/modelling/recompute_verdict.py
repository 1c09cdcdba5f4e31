"""A verdict computed again from its record: that pair of versions, that holdout, that gate, that seed.

The record says which partitions were read and what each was. Nothing else is read, however many nights became usable
since, and nothing that changed is used silently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from nightshift.adapters.mlflow.registry import Version
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import ModelContext
from nightshift.core.verdict import Verdict
from nightshift.definition import Dataset, Gate, Model
from nightshift.errors import BadConfig, DataRejected
from nightshift.lake.validated_nights import Lake, Usable
from nightshift.modelling.comparison import Comparison, judge_versions
from nightshift.modelling.estimators import list_trusted_types
from nightshift.modelling.examples import load_examples
from nightshift.result_parts import GateFields
from nightshift.results import EvaluateResult
from nightshift.safe_messages import place

UNFIT = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What values that nobody recorded so, or code that knows them no more, lead to."""
NOT_RECORDED = "a night of which nothing was read when the verdict was made"


class Recorded(Lake):
    """The lake as it was when a verdict was made: its nights are those that were read, whatever is validated today."""

    def __init__(self, store: ObjectStore, model: Model, inputs: Mapping[str, str]) -> None:
        super().__init__(store, model)
        self._inputs = inputs

    def list_usable(self, nights: Sequence[date]) -> Usable:
        """The nights whose facts were read."""
        read = {night for night in nights if self.model.facts.build_partition_uri(night) in self._inputs}
        left = tuple((night, NOT_RECORDED) for night in nights if night not in read)
        return Usable(tuple(night for night in nights if night in read), left)

    def require_unchanged(self) -> None:
        """Raises `DataRejected` naming the first partition that is not what was read."""
        for uri, recorded in sorted(self._inputs.items()):
            dataset, night = _parse_partition(self.model, uri)
            now = self.load_content_digest(dataset, night)
            if now != recorded:
                raise DataRejected(f"{uri} changed since: its digest was {recorded}, and is {now}")


@dataclass(frozen=True)
class Recomputed:
    """The verdict that a record leads to now, and the rows that it is about."""

    verdict: Verdict
    rows: int


def recompute(context: ModelContext, model: Model, record: EvaluateResult) -> Recomputed:
    """Returns the verdict that a record leads to now.

    Raises `BadConfig` when the record was edited so that nothing can be computed from it, or a version is gone;
    `DataRejected` when a partition changed.
    """
    try:
        return _compute(context, model, record)
    except UNFIT as error:
        kind = f"{type(error).__name__} at {place(error)}"
        raise BadConfig(f"nothing can be computed from the record, or not with the code as it is: {kind}") from None


def _compute(context: ModelContext, model: Model, record: EvaluateResult) -> Recomputed:
    # The nights of the record were used: whatever share is asked for today.
    then = replace(model, gate=_parse_gate(record.gate), task=record.task, min_matched_share=0.0)
    lake = Recorded(context.store, then, record.inputs)
    lake.require_unchanged()
    champion = None if record.champion_version is None else _load_version(context, record.champion_version)
    challenger, nights = _load_version(context, record.challenger_version), record.holdout_nights
    comparison = Comparison(challenger, champion, None, nights, (), _collect_trusted_types(then, record))
    rows = load_examples(lake, nights)
    return Recomputed(judge_versions(then, context.registry, comparison, rows, record.seed), len(rows.labels))


def _load_version(context: ModelContext, number: int) -> Version:
    version = context.registry.find(context.name, number)
    if version is None:
        raise BadConfig(f"version {number} was deleted from the registry")
    return version


def _collect_trusted_types(model: Model, record: EvaluateResult) -> dict[int, tuple[str, ...]]:
    """The types that each version could contain when the verdict was made."""
    numbers = (record.challenger_version, record.champion_version)
    listed = {int(number): types for number, types in record.trusted.items()}
    return {number: listed[number] if number in listed else list_trusted_types(model) for number in numbers if number}


def _parse_gate(recorded: GateFields) -> Gate:
    unknown = set(recorded) - {field.name for field in fields(Gate)}
    if unknown:
        raise BadConfig(f"the gate was recorded with {', '.join(sorted(unknown))}, which this version does not know")
    known: dict[str, Any] = dict(recorded)
    return Gate(**known)


def _parse_partition(model: Model, uri: str) -> tuple[Dataset, date]:
    """Which dataset and night a partition's URI names."""
    for dataset in model.datasets:
        head, tail = dataset.uri.split("{night}")
        if uri.startswith(head) and uri.endswith(tail):
            night = uri.removeprefix(head).removesuffix(tail)
            if dataset.uri.format(night=night) == uri and len(night) == len("2013-02-09"):
                return dataset, date.fromisoformat(night)
    raise BadConfig(f"{uri} was read, and is no partition of a dataset of model {model.name} any more")
