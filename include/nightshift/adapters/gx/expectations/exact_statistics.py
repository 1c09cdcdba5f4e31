"""Statistics of numbers that a double would round, computed from the numbers as they are written.

Each function gives what the expectation compares: all of it exact, or to sixty digits where a root or a quotient has
no end.
"""

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext

from nightshift.adapters.gx.expectations.families import Number

DIGITS = 120
"""Sums of decimals of 76 digits, the most that Arrow has, stay exact."""


def compute_sum(numbers: Sequence[Number]) -> Decimal:
    """The sum."""
    with localcontext(Context(prec=DIGITS)):
        return sum((Decimal(number) for number in numbers), Decimal(0))


def compute_mean(numbers: Sequence[Number]) -> Decimal | None:
    """The mean; None of nothing."""
    with localcontext(Context(prec=DIGITS)):
        return compute_sum(numbers) / len(numbers) if numbers else None


def compute_median(numbers: Sequence[Number]) -> Decimal | None:
    """The median; None of nothing."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return compute_mean(ordered[middle : middle + 1] if len(ordered) % 2 else ordered[max(middle - 1, 0) : middle + 1])


def compute_deviation(numbers: Sequence[Number]) -> Decimal | None:
    """The standard deviation of a sample; None of fewer than two."""
    mean = compute_mean(numbers)
    if mean is None or len(numbers) < 2:
        return None
    with localcontext(Context(prec=DIGITS)):
        return (sum(((number - mean) ** 2 for number in numbers), Decimal(0)) / (len(numbers) - 1)).sqrt()


STATISTICS: dict[str, Callable[[Sequence[Number]], Decimal | None]] = {
    "expect_column_sum_to_be_between": compute_sum,
    "expect_column_mean_to_be_between": compute_mean,
    "expect_column_median_to_be_between": compute_median,
    "expect_column_stdev_to_be_between": compute_deviation,
}


def compute_quantile(numbers: Sequence[Number], share: Decimal, interpolation: str) -> Decimal | None:
    """One quantile, interpolated as pandas does it: linear, lower, higher, midpoint or nearest. None of nothing."""
    if not numbers:
        return None
    with localcontext(Context(prec=DIGITS)):
        place = (len(numbers) - 1) * share
        low, part = int(place), place % 1
        ordered = sorted(numbers)
        below, above = Decimal(ordered[low]), Decimal(ordered[min(low + 1, len(ordered) - 1)])
        upper = part > Decimal("0.5") or (part == Decimal("0.5") and low % 2 == 1)
        quantile_values = {
            "linear": below + (above - below) * part,
            "midpoint": (below + above) / 2 if part else below,
            "lower": below,
            "higher": above if part else below,
            "nearest": above if upper else below,
        }
        return quantile_values[interpolation]


def compute_scores(numbers: Sequence[Number]) -> list[Decimal]:
    """How many standard deviations each number lies from the mean; 0 where all are the same."""
    mean, deviation = compute_mean(numbers), compute_deviation(numbers)
    with localcontext(Context(prec=DIGITS)):
        return [(number - mean) / deviation if mean is not None and deviation else Decimal(0) for number in numbers]
