"""Which nights a step works on, which are left out and why, and the digest of everything that it will read."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nightshift.core import windows
from nightshift.core.line_digest import digest_lines
from nightshift.definition import Model
from nightshift.errors import DataRejected
from nightshift.lake.validated_nights import Lake, Usable
from nightshift.result_parts import LeftOutNight

log = logging.getLogger("nightshift.window")


@dataclass(frozen=True)
class Plan:
    """Usable nights to train on and to compare on. `inputs`: the digest of every partition read, by URI."""

    train: Usable
    holdout: Usable
    inputs: dict[str, str]

    @property
    def digest(self) -> str:
        """One digest over all inputs: changes when any partition does, or when a night is added or left out."""
        nights = (f"train {self.train.nights}", f"holdout {self.holdout.nights}")
        return digest_lines([*nights, *_format_lines(self.inputs)])

    @property
    def left_out(self) -> tuple[LeftOutNight, ...]:
        """The nights left out of either, with the reason."""
        return (*self.train.list_left_out(), *self.holdout.list_left_out())


def plan_training(lake: Lake, night: date) -> Plan:
    """What `train` reads. Raises `DataRejected` when the night itself or every night of a window is unusable."""
    window, period = lake.model.window, lake.model.schedule.period
    require_validated(lake, night)
    train = list_learnable(lake, windows.list_training(night, window, period), "training")
    holdout = list_learnable(lake, windows.list_holdout(night, window, period), "holdout")
    return Plan(train, holdout, list_inputs(lake, (*train.nights, *holdout.nights)))


def plan_holdout(lake: Lake, night: date) -> Plan:
    """What `evaluate` reads. Raises `DataRejected` as `plan_training` does."""
    require_validated(lake, night)
    model = lake.model
    holdout = list_learnable(lake, windows.list_holdout(night, model.window, model.schedule.period), "holdout")
    return Plan(Usable((), ()), holdout, list_inputs(lake, holdout.nights))


def digest_scoring_inputs(lake: Lake, day: date) -> str:
    """The digest of what `score` reads: the schedule of `day` and the validated nights behind its features."""
    model = lake.model
    past = lake.list_usable(windows.list_history(day, model.window, model.schedule.period)).nights
    inputs = lake.load_content_digests([model.scheduled], [day]) | lake.load_content_digests(
        [model.facts, *model.context], past
    )
    return digest_lines(_format_lines(inputs))


def _format_lines(inputs: Mapping[str, str]) -> list[str]:
    return [f"{uri} {digest}" for uri, digest in sorted(inputs.items())]


def require_validated(lake: Lake, night: date) -> None:
    """Raises `DataRejected` unless the night is validated and unchanged since."""
    refused = lake.list_usable([night]).left_out
    if refused:
        raise DataRejected(
            f"night {night} of model {lake.model.name} cannot be used: {refused[0][1]}; validate it first"
        )


def list_learnable(lake: Lake, nights: Sequence[date], role: str) -> Usable:
    """The usable nights of a window; each one left out is logged. Raises `DataRejected` when none is left."""
    usable = lake.list_learnable(nights)
    for night, reason in usable.left_out:
        log.info("%s: night %s is left out: %s", role, night, reason)
    if not usable.nights:
        first = usable.left_out[0][1]
        raise DataRejected(f"no night of the {role} window {nights[0]} to {nights[-1]} can be used; the first: {first}")
    log.info(
        "%s: %d of %d nights, %s to %s", role, len(usable.nights), len(nights), usable.nights[0], usable.nights[-1]
    )
    return usable


def list_inputs(lake: Lake, nights: Sequence[date]) -> dict[str, str]:
    """The digest of every partition that examples of these nights are made from, by its URI."""
    model: Model = lake.model
    reach = lake.list_usable(windows.reach(tuple(nights), model.window, model.schedule.period)).nights
    scheduled = lake.load_content_digests([model.scheduled], nights)
    return {**scheduled, **lake.load_content_digests([model.facts, *model.context], reach)}
