"""How often the champion changes in a year of nights on which every challenger is as good as the champion.

A model is a point: the mean of what its 28 training days taught, so that the challengers of two nights in a row share
27 days and are nearly the same model. A day rewards a direction of its own, which is as often one as its opposite: any
two models are equal in expectation. Holdouts of nine days overlap in eight. Gains of successive days are correlated
as those of real models are (measured: .06 from one day to the next).
"""

from dataclasses import dataclass

import numpy as np

from nightshift.core.bootstrap import Gain, compute_bounds
from nightshift.core.metrics import Floats

NIGHTS, TRAIN_DAYS, HOLDOUT_DAYS = 365, 28, 9
DIRECTIONS = 3
"""In how many ways models differ. From one to ten it hardly matters to the number of changes."""
FROM_DAY_TO_DAY = 0.06
RESAMPLES = 2000
BETTER_FROM = 100
"""From this night on challengers are truly better, where they are."""


@dataclass(frozen=True)
class Change:
    """A promotion: on which night, and its gain in standard deviations of a day's gain: claimed, and on the year."""

    night: int
    claimed: float
    lasting: float


@dataclass(frozen=True)
class Nights:
    """The models of a year's nights, and the days on which they are compared."""

    models: Floats
    days: Floats
    offset: int

    def compute_gains(self, champion: int, challenger: int, first: int, last: int) -> Floats:
        """Returns the challenger's gain on each of these days, in units in which a day's gain has a deviation of 1."""
        apart = self.models[champion] - self.models[challenger]
        return np.asarray(self.days[self.offset + first : self.offset + last + 1] @ apart / np.linalg.norm(apart))


def draw_nights(generator: np.random.Generator) -> Nights:
    """Returns one year."""
    reach = TRAIN_DAYS + HOLDOUT_DAYS - 1
    total = NIGHTS + reach
    taught = np.vstack([np.zeros(DIRECTIONS), np.cumsum(generator.normal(size=(total, DIRECTIONS)), axis=0)])
    models = (taught[TRAIN_DAYS : TRAIN_DAYS + NIGHTS] - taught[:NIGHTS]) / TRAIN_DAYS
    days = generator.normal(size=(total, DIRECTIONS))
    for day in range(1, total):
        days[day] = FROM_DAY_TO_DAY * days[day - 1] + np.sqrt(1 - FROM_DAY_TO_DAY**2) * days[day]
    return Nights(models, days, reach)


def list_changes(nights: Nights, confidence: float, better: float = 0.0) -> list[Change]:
    """Returns the promotions of the year. `better`: the gain of challengers from night `BETTER_FROM` on over earlier
    ones.
    """
    champion, promotions = 0, []
    for night in range(1, NIGHTS):
        true = better * (night >= BETTER_FROM > champion)
        by_day = nights.compute_gains(champion, night, night - HOLDOUT_DAYS + 1, night) + true
        gain = compute_bounds(float(by_day.mean()), by_day, confidence, RESAMPLES, seed=1)
        if gain.low > 0:
            promotions.append(_build_change(nights, champion, night, gain))
            champion = night
    return promotions


def _build_change(nights: Nights, champion: int, night: int, gain: Gain) -> Change:
    after = nights.compute_gains(champion, night, night + 1, NIGHTS - 1)
    return Change(night, gain.gain, float(after.mean()) if len(after) else float("nan"))


def draw_years(count: int, confidence: float, seed: int, better: float = 0.0) -> list[list[Change]]:
    """Returns the promotions of so many years."""
    generator = np.random.default_rng(seed)
    return [list_changes(draw_nights(generator), confidence, better) for _ in range(count)]


def measure_wait(of_years: list[list[Change]]) -> float:
    """Median number of nights from the first truly better challenger to the next promotion; infinite for never."""
    firsts = (next((change.night for change in year if change.night >= BETTER_FROM), np.inf) for year in of_years)
    return float(np.median([night - BETTER_FROM for night in firsts]))
