"""Names for the platform's own columns that cannot collide with a user's."""

from collections.abc import Collection

OURS = "nightshift_"


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or `nightshift_` in front of it as often as it takes until no column is called so."""
    while wanted in taken:
        wanted = f"{OURS}{wanted}"
    return wanted
