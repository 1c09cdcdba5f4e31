"""What a version scored, from the manifests of the predictions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from nightshift.adapters.s3.manifests import NAME, Manifest, location, manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import DataRejected
from nightshift.model_card.card import Scored

AT_ONCE = 16
DATED = "date="


def scored(
    store: ObjectStore, model: str, number: int, since: datetime | None
) -> tuple[tuple[Scored, ...], tuple[str, ...]]:
    """Every publication of the version's predictions by night, and a sentence for each manifest that is unreadable.

    `since`: when the version was made; what was published before is not read. None: not known.
    """
    folder = store.uri(f"scores/{model}/")
    nights = _nights(store, folder, since)
    with ThreadPoolExecutor(AT_ONCE) as readers:
        found = list(readers.map(lambda night: _manifest(store, f"{folder}{DATED}{night}/"), nights))
    notes = tuple(f"{folder}{DATED}{n}/{NAME} is unreadable" for n, one in zip(nights, found, strict=True) if one == "")
    pairs = [(night, one) for night, one in zip(nights, found, strict=True) if isinstance(one, Manifest)]
    return tuple(s for night, one in pairs for s in _of(night, f"{folder}{DATED}{night}/", one, number)), notes


def _nights(store: ObjectStore, folder: str, since: datetime | None) -> list[str]:
    found = (one for one in store.objects(folder + DATED) if one.name == NAME)
    dated = (one.uri.removeprefix(folder + DATED) for one in found if since is None or one.modified >= since)
    return sorted(rest.split("/")[0] for rest in dated)


def _manifest(store: ObjectStore, partition: str) -> Manifest | str | None:
    try:
        return manifest(store, partition)
    except DataRejected:
        return ""


def _of(night: str, partition: str, current: Manifest, number: int) -> Iterator[Scored]:
    """The version's publications of one night: earlier ones, which the current manifest lists, and its own."""
    version = _version(current.meta.get("version"))
    for before in current.meta.get("before", ()):
        if _version(before.get("version")) == number:
            yield Scored(
                night=night,
                rows=int(before.get("rows") or 0),
                published=str(before.get("published", "")),
                attempt=str(before.get("attempt", "")),
                manifest=location(partition),
                replaced_by=version,
                replaced=current.published,
            )
    if version == number:
        yield Scored(
            night=night,
            rows=current.rows,
            published=current.published,
            attempt=current.attempt,
            manifest=location(partition),
        )


def _version(found: object) -> int | None:
    return found if isinstance(found, int) else None
