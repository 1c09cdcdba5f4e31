"""Names of the columns that the platform adds to a table: none takes the place of a column that is there."""

from collections.abc import Collection

PREFIX = "nightshift_"


def choose_free_name(candidate: str, taken: Collection[str]) -> str:
    """Returns `wanted`, or that with `nightshift_` before it as often as it takes to differ from every name in `taken`.

    Names that differ by case only count as the same: to DuckDB and to many warehouses they are.
    """
    used = {name.casefold() for name in taken}
    while candidate.casefold() in used:
        candidate = PREFIX + candidate
    return candidate
