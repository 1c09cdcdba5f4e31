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
from nightshift.core.bootstrap import compute_paired_gain, draw_weights
from nightshift.core.metrics import METRICS, Metric
from worlds import World, build_lopsided, list_metrics

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


def print_table(title: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Prints a Markdown table as its rows come."""
    names = list(head)
    print(f"\n### {title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


def format_percent(share: float) -> str:
    """Returns a share with one decimal of a per cent."""
    return f"{100 * share:.1f}"


def list_equal_models(trials: int) -> Iterable[list[object]]:
    """Per holdout and metric: promotions of equal models by each method at each confidence."""
    for name, world in WORLDS.items():
        for metric in list_metrics(world):
            comparisons = rates.draw_gains(world, metric, trials, seed=5)
            won = [
                [rates.compute_rates(comparisons, 0, c, bound).won for c in CONFIDENCES]
                for bound in rates.METHODS.values()
            ]
            yield [name, metric.name, *(" / ".join(map(format_percent, shares)) for shares in won)]


def list_coverage(trials: int) -> Iterable[list[object]]:
    """Per holdout and metric: how often each bound holds for a challenger whose errors are smaller by `EDGE`."""
    for name, equal in WORLDS.items():
        world = replace(equal, edge=EDGE)
        for metric in list_metrics(world):
            comparisons, truth = rates.draw_gains(world, metric, trials, seed=6), world.compute_true_gain(metric)
            right = [rates.compute_rates(comparisons, truth, c) for c in CONFIDENCES]
            sides = ([r.low_right for r in right], [r.high_right for r in right], [r.won for r in right])
            yield [name, metric.name, f"{truth:+.4f}", *(" / ".join(map(format_percent, side)) for side in sides)]


def list_lopsided_models(trials: int) -> Iterable[list[object]]:
    """Equal models of which the challenger is far off on a few days; and the same with the roles exchanged."""
    for name in ("9 days x 300 rows", "28 days x 100 rows", "9 days x 300 rows, numbers"):
        for metric in list_metrics(WORLDS[name]):
            world = build_lopsided(WORLDS[name], metric, RARE, RARE_ERROR)
            comparisons = rates.draw_gains(world, metric, trials, seed=8)
            swapped = [(-gain, -by_day) for gain, by_day in comparisons]
            won = [[rates.compute_rates(some, 0, c).won for c in CONFIDENCES] for some in (comparisons, swapped)]
            mean = [(a + b) / 2 for a, b in zip(*won, strict=True)]
            yield [name, metric.name, *(" / ".join(map(format_percent, shares)) for shares in (*won, mean))]


def list_rows_for_days(trials: int) -> Iterable[list[object]]:
    """Equal models, days drawn and rows drawn; by rows AUC takes long, and is left out where there are many."""
    for rows, names in ((30, ("log_loss", "roc_auc")), (100, ("log_loss", "roc_auc")), (300, ("log_loss",))):
        world = World(days=9, rows=rows, classes=True)
        for name in names:
            days = rates.draw_gains(world, METRICS[name], trials, seed=9)
            alone = rates.draw_gains(world, METRICS[name], trials // 4, seed=9, by_rows=True)
            won = [[rates.compute_rates(comparisons, 0, c).won for c in CONFIDENCES] for comparisons in (days, alone)]
            yield [f"9 days x {rows} rows", name, *(" / ".join(map(format_percent, shares)) for shares in won)]


def list_power(trials: int) -> Iterable[list[object]]:
    """Yields the gain that is detected with 80 %, in standard deviations of a day's gain."""
    for days in (4, 5, 7, 8, 9, 14, 21, 28):
        yield [days, *(f"{rates.find_detectable_gain(days, c, trials):.2f}" for c in (*CONFIDENCES, 0.995))]


def list_correlated_days(trials: int) -> Iterable[list[object]]:
    """Yields equal models whose gain of a day carries over to the next, for which the bounds do not allow."""
    for days in (9, 28):
        for correlation in (0.0, 0.08, 0.2, 0.4):
            comparisons = rates.draw_correlated_gains(days, correlation, trials)
            won = (format_percent(rates.compute_rates(comparisons, 0, c).won) for c in CONFIDENCES)
            yield [days, correlation, " / ".join(won)]


def list_years(count: int) -> Iterable[list[object]]:
    """Yields how often champions are replaced by equal challengers in a year, and how soon a truly better one is
    promoted.
    """
    for confidence in (0.9, 0.95, 0.975, 0.99, 0.995):
        years = year_of_nights.draw_years(count, confidence, seed=2013)
        changed = [len(year) for year in years]
        low, high = np.quantile(changed, [0.05, 0.95])
        all_changes = [change for year in years for change in year]
        claimed = np.mean([change.claimed for change in all_changes])
        lasting = np.nanmean([change.lasting for change in all_changes])
        waits = [year_of_nights.measure_wait(year_of_nights.draw_years(count, confidence, 7, b)) for b in (0.5, 1.0)]
        spread = f"{low:.0f} to {high:.0f}"
        numbers = [f"{median(changed):.0f}", spread, f"{np.mean(changed):.1f}", f"{claimed:+.2f}", f"{lasting:+.2f}"]
        yield [confidence, *numbers, *(f"{wait:.0f}" for wait in waits)]


def list_replays(year: flights_year.Year) -> Iterable[list[object]]:
    """Real nights: promotions, and the log loss of each next day."""
    for confidence in (0.0, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995):
        replay = flights_gates.replay_year(year, confidence)
        gains = [f"{replay.claimed:+.4f}", f"{replay.lasting:+.4f}"]
        yield [confidence or "always", f"{replay.promotions} of {replay.nights}", f"{replay.next_day_loss:.4f}", *gains]


def list_flights_by_age(year: flights_year.Year, repeats: int) -> Iterable[list[object]]:
    """Yields, for real models so many nights apart: variation by day, equal pairs by days and by rows, detectable
    gains.
    """
    for age in (1, 7, 28, 60):
        varies = flights_gates.measure_by_day(year, age)
        days = [format_percent(flights_gates.measure_wins_by_days(year, age, c, range(repeats))) for c in (0.95, 0.99)]
        rows = [format_percent(flights_gates.measure_wins_by_rows(year, age, c, seed=1)) for c in (0.95, 0.99)]
        detectable = [f"{flights_gates.find_detectable_gain(year, age, c):.3f}" for c in CONFIDENCES]
        skew = "{:+.1f} to {:+.1f}".format(*varies.skewness)
        shape = [f"{varies.deviation:.4f}", f"{varies.next_day:+.2f}", skew]
        yield [age, *shape, *(" / ".join(cells) for cells in (days, rows, detectable))]


def list_costs(repeats: int) -> Iterable[list[object]]:
    """Median time of one comparison with 10,000 draws of nine days; and of the metric itself over the same draws."""
    pairs = World(days=9, rows=300, classes=True).draw(np.random.default_rng(1))
    for metric in list_metrics(WORLDS["9 days x 300 rows"]):

        def compare(seed: int, metric: Metric = metric) -> object:
            return compute_paired_gain(metric, pairs, 0.99, 10_000, seed)

        def compute_metric(seed: int, metric: Metric = metric) -> object:
            drawn, both = draw_weights(9, 10_000, seed), (pairs.challenger, pairs.champion)
            return [metric.prepare(pairs.labels, predictions, pairs.day)(drawn) for predictions in both]

        spent = _measure_median_seconds(compare, repeats)
        yield [metric.name, f"{1000 * spent:.1f} ms", f"{_measure_median_seconds(compute_metric, repeats) / spent:.1f}"]
    rows = replace(pairs, day=np.arange(len(pairs.day)))
    loss = METRICS["log_loss"]
    by_days = _measure_median_seconds(lambda seed: compute_paired_gain(loss, pairs, 0.99, 1000, seed), repeats)
    by_rows = _measure_median_seconds(lambda seed: compute_paired_gain(loss, rows, 0.99, 1000, seed), repeats)
    yield ["log_loss, 1,000 draws of rows", f"{1000 * by_rows:.1f} ms", f"{by_rows / by_days:.0f} times days"]


def _measure_median_seconds(act: Callable[[int], object], repeats: int) -> float:
    seconds = []
    for seed in range(repeats):
        start = time.perf_counter()
        act(seed)
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints every table."""
    parser = argparse.ArgumentParser(description="Measures the gate by simulation and on the real flights of 2013.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials: about one minute instead of ten")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the year's predictions are kept")
    chosen = parser.parse_args(argv)
    print_simulated(200 if chosen.quick else 2000, 10 if chosen.quick else 100)
    print_real(flights_year.load_or_make_year(chosen.cache), 1 if chosen.quick else 10)
    print_table("Time of one comparison", ["metric", "gate", "metric of every draw, times gate"], list_costs(7))
    return 0


def print_simulated(trials: int, count: int) -> None:
    """The tables of made-up holdouts: `trials` holdouts each, `count` years."""
    print(f"Shares in per cent of {trials} trials, at 90 / 95 / 99 % confidence where a cell holds three.")
    print_table("Equal models promoted", ["holdout", "metric", *rates.METHODS], list_equal_models(trials))
    head = ["holdout", "metric", "true gain", "above the lower bound", "below the upper bound", "promoted"]
    print_table("Coverage for a better challenger", head, list_coverage(trials))
    head = ["holdout", "metric", "challenger rarely far off", "champion rarely far off", "mean of both"]
    print_table("Equal models promoted, one of them far off on 15 % of days", head, list_lopsided_models(trials))
    print_table(
        "Equal models promoted: days against rows", ["holdout", "metric", "days", "rows"], list_rows_for_days(trials)
    )
    head = ["days", "correlation", "promoted"]
    print_table("Equal models promoted, days that follow each other", head, list_correlated_days(2 * trials))
    head = ["days", "90 %", "95 %", "99 %", "99.5 %"]
    print_table("Gain found with 80 %, in deviations of a day's gain", head, list_power(trials // 2))
    head = ["confidence", "median", "90 % of years", "mean", "claimed", "lasting", "nights to find 0.5", "to find 1"]
    print_table(f"Changes of champion in {count} years of equal challengers", head, list_years(count))


def print_real(year: flights_year.Year, repeats: int) -> None:
    """The tables of the real flights."""
    head = ["confidence", "promotions", "log loss of next days", "claimed", "lasting"]
    print_table("The flights of 2013, night by night", head, list_replays(year))
    head = ["nights apart", "deviation", "next day", "skewness", "won by days", "won by rows", "found with 80 %"]
    print_table(
        "Real models, equal by a coin (95 / 99 %; found: 90 / 95 / 99 %)", head, list_flights_by_age(year, repeats)
    )


if __name__ == "__main__":
    sys.exit(main())
