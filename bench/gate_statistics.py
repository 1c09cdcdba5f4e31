"""Measures the gate by simulation and on real flights, and prints the tables of docs/statistics.md.

    .venv/bin/python bench/gate_statistics.py [--quick]

Seeds are fixed: the same code prints the same shares on any machine, and only the last table, times, depends on it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

import flights_gates
import flights_year
import rates
import year_of_nights
from nightshift.core.bootstrap import draws, paired_gain
from nightshift.core.metrics import METRICS, Metric
from worlds import World, lopsided, metrics_of

CONFIDENCES = (0.9, 0.95, 0.99)
CACHE = Path(__file__).parent / "build" / "flights-year.npz"
WORLDS = {
    "9 days x 300 rows": World(days=9, rows=300, classes=True),
    "28 days x 100 rows": World(days=28, rows=100, classes=True),
    "8 weeks x 40 rows": World(days=8, rows=40, classes=True),
    "9 days x 300 rows, numbers": World(days=9, rows=300, classes=False),
    "28 days x 100 rows, numbers": World(days=28, rows=100, classes=False),
    "8 weeks x 7 rows, numbers": World(days=8, rows=7, classes=False),
}
RARE, RARE_ERROR = 0.15, 0.9
EDGE = 0.3


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Prints a Markdown table as its rows come."""
    names = list(head)
    print(f"\n### {title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


def percent(share: float) -> str:
    """A share with one decimal of a per cent."""
    return f"{100 * share:.1f}"


def equal_models(trials: int) -> Iterable[list[object]]:
    """Per holdout and metric: promotions of equal models by each method at each confidence."""
    for name, world in WORLDS.items():
        for metric in metrics_of(world):
            found = rates.gains_of(world, metric, trials, seed=5)
            won = [[rates.rates(found, 0, c, bound).won for c in CONFIDENCES] for bound in rates.METHODS.values()]
            yield [name, metric.name, *(" / ".join(map(percent, one)) for one in won)]


def coverage(trials: int) -> Iterable[list[object]]:
    """Per holdout and metric: how often each bound holds for a challenger whose errors are smaller by `EDGE`."""
    for name, equal in WORLDS.items():
        world = replace(equal, edge=EDGE)
        for metric in metrics_of(world):
            found, truth = rates.gains_of(world, metric, trials, seed=6), world.truth(metric)
            right = [rates.rates(found, truth, c) for c in CONFIDENCES]
            sides = ([one.low_right for one in right], [one.high_right for one in right], [one.won for one in right])
            yield [name, metric.name, f"{truth:+.4f}", *(" / ".join(map(percent, side)) for side in sides)]


def lopsided_models(trials: int) -> Iterable[list[object]]:
    """Equal models of which the challenger is far off on a few days; and the same with the roles exchanged."""
    for name in ("9 days x 300 rows", "28 days x 100 rows", "9 days x 300 rows, numbers"):
        for metric in metrics_of(WORLDS[name]):
            world = lopsided(WORLDS[name], metric, RARE, RARE_ERROR)
            found = rates.gains_of(world, metric, trials, seed=8)
            swapped = [(-gain, -by_day) for gain, by_day in found]
            won = [[rates.rates(some, 0, c).won for c in CONFIDENCES] for some in (found, swapped)]
            mean = [(a + b) / 2 for a, b in zip(*won, strict=True)]
            yield [name, metric.name, *(" / ".join(map(percent, one)) for one in (*won, mean))]


def rows_for_days(trials: int) -> Iterable[list[object]]:
    """Equal models, days drawn and rows drawn; by rows AUC takes long, and is left out where there are many."""
    for rows, names in ((30, ("log_loss", "roc_auc")), (100, ("log_loss", "roc_auc")), (300, ("log_loss",))):
        world = World(days=9, rows=rows, classes=True)
        for name in names:
            days = rates.gains_of(world, METRICS[name], trials, seed=9)
            alone = rates.gains_of(world, METRICS[name], trials // 4, seed=9, by_rows=True)
            won = [[rates.rates(found, 0, c).won for c in CONFIDENCES] for found in (days, alone)]
            yield [f"9 days x {rows} rows", name, *(" / ".join(map(percent, one)) for one in won)]


def power(trials: int) -> Iterable[list[object]]:
    """The gain found with 80 %, in standard deviations of a day's gain."""
    for days in (4, 5, 7, 8, 9, 14, 21, 28):
        yield [days, *(f"{rates.found_at(days, c, trials):.2f}" for c in (*CONFIDENCES, 0.995))]


def days_that_follow(trials: int) -> Iterable[list[object]]:
    """Equal models whose gain of a day carries over to the next, which the bounds do not reckon with."""
    for days in (9, 28):
        for correlation in (0.0, 0.08, 0.2, 0.4):
            found = rates.following(days, correlation, trials)
            yield [days, correlation, " / ".join(percent(rates.rates(found, 0, c).won) for c in CONFIDENCES)]


def nights(count: int) -> Iterable[list[object]]:
    """Champions replaced by equal challengers in a year, and how soon a truly better one is found."""
    for confidence in (0.9, 0.95, 0.975, 0.99, 0.995):
        found = year_of_nights.years(count, confidence, seed=2013)
        changed = [len(one) for one in found]
        low, high = np.quantile(changed, [0.05, 0.95])
        all_changes = [change for one in found for change in one]
        claimed = np.mean([change.claimed for change in all_changes])
        lasting = np.nanmean([change.lasting for change in all_changes])
        waits = [year_of_nights.wait(year_of_nights.years(count, confidence, 7, b)) for b in (0.5, 1.0)]
        spread = f"{low:.0f} to {high:.0f}"
        numbers = [f"{median(changed):.0f}", spread, f"{np.mean(changed):.1f}", f"{claimed:+.2f}", f"{lasting:+.2f}"]
        yield [confidence, *numbers, *(f"{wait:.0f}" for wait in waits)]


def flights_replayed(year: flights_year.Year) -> Iterable[list[object]]:
    """Real nights: promotions, and the log loss of each next day."""
    for confidence in (0.0, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995):
        one = flights_gates.replay(year, confidence)
        gains = [f"{one.claimed:+.4f}", f"{one.lasting:+.4f}"]
        yield [confidence or "always", f"{one.promotions} of {one.nights}", f"{one.next_day_loss:.4f}", *gains]


def flights_by_age(year: flights_year.Year, repeats: int) -> Iterable[list[object]]:
    """Real models so many nights apart: variation by day, equal pairs by days and by rows, and what is found."""
    for age in (1, 7, 28, 60):
        varies = flights_gates.by_day(year, age)
        days = [percent(flights_gates.won_by_days(year, age, c, range(repeats))) for c in (0.95, 0.99)]
        rows = [percent(flights_gates.won_by_rows(year, age, c, seed=1)) for c in (0.95, 0.99)]
        found = [f"{flights_gates.found_at(year, age, c):.3f}" for c in CONFIDENCES]
        skew = "{:+.1f} to {:+.1f}".format(*varies.skewness)
        shape = [f"{varies.deviation:.4f}", f"{varies.next_day:+.2f}", skew]
        yield [age, *shape, *(" / ".join(one) for one in (days, rows, found))]


def costs(repeats: int) -> Iterable[list[object]]:
    """Median time of one comparison with 10,000 draws of nine days; and of the metric itself over the same draws."""
    pairs = World(days=9, rows=300, classes=True).drawn(np.random.default_rng(1))
    for metric in metrics_of(WORLDS["9 days x 300 rows"]):

        def ours(seed: int, metric: Metric = metric) -> object:
            return paired_gain(metric, pairs, 0.99, 10_000, seed)

        def itself(seed: int, metric: Metric = metric) -> object:
            drawn = draws(9, 10_000, seed)
            return [metric.prepare(pairs.labels, one, pairs.day)(drawn) for one in (pairs.challenger, pairs.champion)]

        spent = _median_seconds(ours, repeats)
        yield [metric.name, f"{1000 * spent:.1f} ms", f"{_median_seconds(itself, repeats) / spent:.1f}"]
    rows = replace(pairs, day=np.arange(len(pairs.day)))
    loss = METRICS["log_loss"]
    by_days = _median_seconds(lambda seed: paired_gain(loss, pairs, 0.99, 1000, seed), repeats)
    by_rows = _median_seconds(lambda seed: paired_gain(loss, rows, 0.99, 1000, seed), repeats)
    yield ["log_loss, 1,000 draws of rows", f"{1000 * by_rows:.1f} ms", f"{by_rows / by_days:.0f} times days"]


def _median_seconds(act: Callable[[int], object], repeats: int) -> float:
    found = []
    for seed in range(repeats):
        start = time.perf_counter()
        act(seed)
        found.append(time.perf_counter() - start)
    return median(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints every table."""
    parser = argparse.ArgumentParser(description="Measures the gate by simulation and on the real flights of 2013.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials: about one minute instead of ten")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the year's predictions are kept")
    chosen = parser.parse_args(argv)
    simulated(200 if chosen.quick else 2000, 10 if chosen.quick else 100)
    real(flights_year.year(chosen.cache), 1 if chosen.quick else 10)
    table("Time of one comparison", ["metric", "ours", "metric of every draw, times ours"], costs(7))
    return 0


def simulated(trials: int, count: int) -> None:
    """The tables of made-up holdouts: `trials` holdouts each, `count` years."""
    print(f"Shares in per cent of {trials} trials, at 90 / 95 / 99 % confidence where a cell holds three.")
    table("Equal models promoted", ["holdout", "metric", *rates.METHODS], equal_models(trials))
    head = ["holdout", "metric", "true gain", "above the lower bound", "below the upper bound", "promoted"]
    table("Coverage for a better challenger", head, coverage(trials))
    head = ["holdout", "metric", "challenger rarely far off", "champion rarely far off", "mean of both"]
    table("Equal models promoted, one of them far off on 15 % of days", head, lopsided_models(trials))
    table("Equal models promoted: days against rows", ["holdout", "metric", "days", "rows"], rows_for_days(trials))
    head = ["days", "correlation", "promoted"]
    table("Equal models promoted, days that follow each other", head, days_that_follow(2 * trials))
    head = ["days", "90 %", "95 %", "99 %", "99.5 %"]
    table("Gain found with 80 %, in deviations of a day's gain", head, power(trials // 2))
    head = ["confidence", "median", "90 % of years", "mean", "claimed", "lasting", "nights to find 0.5", "to find 1"]
    table(f"Changes of champion in {count} years of equal challengers", head, nights(count))


def real(year: flights_year.Year, repeats: int) -> None:
    """The tables of the real flights."""
    head = ["confidence", "promotions", "log loss of next days", "claimed", "lasting"]
    table("The flights of 2013, night by night", head, flights_replayed(year))
    head = ["nights apart", "deviation", "next day", "skewness", "won by days", "won by rows", "found with 80 %"]
    table("Real models, equal by a coin (95 / 99 %; found: 90 / 95 / 99 %)", head, flights_by_age(year, repeats))


if __name__ == "__main__":
    sys.exit(main())
