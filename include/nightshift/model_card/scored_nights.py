"""What a version scored, from the manifests of the predictions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from nightshift.adapters.s3.manifests import NAME, Manifest, build_location, load_manifest
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import DataRejected
from nightshift.model_card.card import Scored

AT_ONCE = 16
DATED = "date="


def list_scored(
    store: ObjectStore, model: str, number: int, since: datetime | None
) -> tuple[tuple[Scored, ...], tuple[str, ...]]:
    """Every publication of the version's predictions by night, and a sentence for each manifest that is unreadable.

    `since`: when the version was made; what was published before is not read. None: not known.
    """
    folder = store.build_uri(f"scores/{model}/")
    nights = _list_nights(store, folder, since)
    with ThreadPoolExecutor(AT_ONCE) as readers:
        manifests = list(readers.map(lambda night: _load_manifest(store, f"{folder}{DATED}{night}/"), nights))
    notes = tuple(
        f"{folder}{DATED}{n}/{NAME} is unreadable" for n, stored in zip(nights, manifests, strict=True) if stored == ""
    )
    pairs = [(night, stored) for night, stored in zip(nights, manifests, strict=True) if isinstance(stored, Manifest)]
    return tuple(
        s for night, stored in pairs for s in _iterate_publications(night, f"{folder}{DATED}{night}/", stored, number)
    ), notes


def _list_nights(store: ObjectStore, folder: str, since: datetime | None) -> list[str]:
    objects = (stored for stored in store.list_objects(folder + DATED) if stored.name == NAME)
    dated = (stored.uri.removeprefix(folder + DATED) for stored in objects if since is None or stored.modified >= since)
    return sorted(rest.split("/")[0] for rest in dated)


def _load_manifest(store: ObjectStore, partition: str) -> Manifest | str | None:
    try:
        return load_manifest(store, partition)
    except DataRejected:
        return ""


def _iterate_publications(night: str, partition: str, current: Manifest, number: int) -> Iterator[Scored]:
    """The version's publications of one night: earlier ones, which the current manifest lists, and its own."""
    version = _get_version(current.meta.get("version"))
    for before in current.meta.get("before", ()):
        if _get_version(before.get("version")) == number:
            yield Scored(
                night=night,
                rows=int(before.get("rows") or 0),
                published=str(before.get("published", "")),
                attempt=str(before.get("attempt", "")),
                manifest=build_location(partition),
                replaced_by=version,
                replaced=current.published,
            )
    if version == number:
        yield Scored(
            night=night,
            rows=current.rows,
            published=current.published,
            attempt=current.attempt,
            manifest=build_location(partition),
        )


def _get_version(value: object) -> int | None:
    return value if isinstance(value, int) else None
