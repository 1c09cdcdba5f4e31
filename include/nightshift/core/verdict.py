"""What the gate decided, with every number that decided it, as it is stored, tagged and drawn."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Check:
    """One condition of the gate. `sentence` says it with its numbers, for people."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class SliceGain:
    """How one group of one slice fared: gain in the metric's units (above 0: the challenger is better).

    `low`, `high`: bounds at the gate's confidence. All three are None where the group has too few rows or days, or
    the metric is undefined in it: such a group is shown, and does not decide.
    """

    slice: str
    group: str
    rows: int
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    passed: bool = True


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the challenger may replace the champion, and why.

    `challenger` and `champion` are raw values of `metric`, each in its own sign; None where undefined or where there
    is no champion. `gain` is above 0 when the challenger is better. `interval` holds two one-sided bounds of the gain,
    each at `confidence`; the lower one had to lie above `min_gain`.
    """

    promote: bool
    reason: str
    metric: str
    challenger: float | None
    champion: float | None
    gain: float | None
    interval: tuple[float, float] | None
    confidence: float
    min_gain: float
    checks: tuple[Check, ...]
    slices: tuple[SliceGain, ...] = field(default=())
