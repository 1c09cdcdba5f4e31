"""What the tags on versions vouch for: an entry that was appended is there, and is the one that was appended.

The chain of digests cannot say that about the ledger's end, and says nothing when all of it is gone.
"""

import re
from collections.abc import Iterable

from nightshift.adapters.ledger import Entry, Ledger
from nightshift.adapters.registry_rest import DECIDED, LEDGER_ENTRY, WITHDRAWN, Registry, Version
from nightshift.champion.court import Court
from nightshift.errors import BadConfig

NUMBER = re.compile(r"\A[0-9]{1,9}\Z")


def vouch(registry: Registry, ledger: Ledger, version: Version, entry: Entry) -> None:
    """Tags a version with the number and the digest of the last entry about it, unless it is tagged so."""
    if version_vouches(version)[0] < entry.number:
        registry.tag(version, {DECIDED: f"{entry.number:06d} {ledger.digest(entry.number)}"})


def version_vouches(version: Version) -> tuple[int, str]:
    """The number and the digest of the last entry that was appended about a version; 0 when no tag says so."""
    number, _, digest = version.tags.get(DECIDED, "").partition(" ")
    return number_in(number), digest


def highest(version: Version) -> int:
    """The highest number of an entry that any tag of a version says was appended; 0 when none does."""
    named = (number_in(version.tags.get(tag, "")) for tag in (LEDGER_ENTRY, WITHDRAWN))
    return max(version_vouches(version)[0], *named)


def beyond(versions: Iterable[Version], end: int) -> list[tuple[Version, int]]:
    """The versions with a tag that names an entry beyond the ledger's end, and the entry."""
    return [(version, number) for version in versions if (number := highest(version)) > end]


def require_whole(seen: Court) -> None:
    """Raises `BadConfig` when a tag names an entry that the ledger does not have.

    Then its end is missing, or the bucket is that of another MLflow: what looks like a hand, or like a model without a
    champion, may be none.
    """
    versions = seen.registry.versions(seen.model)
    last = seen.ledger.last()  # read after the tags: each was set when its entry was there
    end = last.number if last else 0
    for version, number in beyond(versions, end):
        said = f"version {version.number} of {seen.model} was decided upon by entry {number} of its ledger"
        where = f"which ends at {end} in {seen.ledger.uri(end + 1)}"
        raise BadConfig(f"{said}, {where}: is this its bucket? See `nightshift history`")


def number_in(text: str) -> int:
    """The number of an entry that a tag's text is, 0 when it is none."""
    return int(text) if NUMBER.match(text) else 0
