"""Which partitions a version was made from, and how each was validated, from the records of training and validation."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from nightshift.adapters.gx import data_docs_index
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.model_card.card import Check, Data, Partition

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
AT_ONCE = 16
Checked = Mapping[str, Any]


def data(
    store: ObjectStore,
    model: str,
    trained: Mapping[str, Any],
    inputs: tuple[Mapping[str, str], Mapping[str, str]],
    verdict: Mapping[str, Any],
    sources: Mapping[str, str],
) -> Data:
    """The data of a version. `inputs`: content digests by URI as training and as the comparison read them.

    `sources`: patterns of URIs by the dataset's name.
    """
    nights = (*_texts(trained, "train_nights"), *_texts(trained, "holdout_nights"), *_texts(verdict, "holdout_nights"))
    read, judged = inputs
    found = _checks(store, model, {**judged, **read}, _period(nights))
    return Data(
        partitions=tuple(
            _partition(uri, read.get(uri, ""), judged.get(uri, ""), found.get(uri, ()), sources)
            for uri in sorted({*read, *judged})
        ),
        train_nights=_texts(trained, "train_nights"),
        holdout_nights=_texts(trained, "holdout_nights"),
        compared_nights=_texts(verdict, "holdout_nights"),
        left_out=_left_out(trained, verdict),
        rows=trained.get("rows"),
        holdout_rows=trained.get("holdout_rows"),
        positive_rate=trained.get("positive_rate"),
    )


def _texts(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(map(str, found.get(name, ())))


def _left_out(*found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = {(str(one.get("night")), str(one.get("reason"))) for detail in found for one in detail.get("left_out", ())}
    return tuple(sorted(pairs))


def _partition(uri: str, read: str, judged: str, checks: Sequence[Checked], sources: Mapping[str, str]) -> Partition:
    digest = read or judged
    same = [check for check in checks if check.get("content") == digest]
    check = next(iter([*same, *checks]), None)
    return Partition(
        uri=uri,
        dataset=_dataset(uri, check, sources),
        date=_date(uri),
        digest=read,
        judged=judged,
        check=None if check is None else _check(check, same=bool(same)),
    )


def _check(found: Checked, *, same: bool) -> Check:
    return Check(
        rows=int(found.get("rows") or 0),
        expectations=int(found.get("expectations") or 0),
        failed=int(found.get("failed") or 0),
        page=str(found.get("page") or ""),
        corrupted=bool(found.get("corrupted")),
        same=same,
    )


def _dataset(uri: str, check: Checked | None, sources: Mapping[str, str]) -> str:
    named = [name for name, source in sources.items() if source and uri.startswith(source.split("{night}")[0])]
    return named[0] if named else str(check.get("dataset", "")) if check else _head(uri)


def _head(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[0]


def _date(uri: str) -> str:
    found = DATE.findall(uri)
    return found[-1] if found else ""


def _period(nights: Iterable[str]) -> timedelta:
    """How far the model's nights stand apart, as its windows show it."""
    days = sorted({day for night in nights if (day := _day(night))})
    return min((after - before for before, after in pairwise(days)), default=timedelta(days=1))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _checks(store: ObjectStore, model: str, read: Mapping[str, str], period: timedelta) -> dict[str, list[Checked]]:
    """The checks of each partition, by URI. A night checks its own partitions and the next schedule.

    The index of Data Docs is asked about those only that the current results do not know in the digest that was read.
    """
    found: dict[str, list[Checked]] = {}
    _gather(found, _nights(read, period), lambda night: _standing(store, model, night))
    unknown = [
        uri for uri, digest in read.items() if not any(check.get("content") == digest for check in found.get(uri, ()))
    ]
    _gather(found, _nights(unknown, period), lambda night: _indexed(store, model, night))
    return found


def _nights(uris: Iterable[str], period: timedelta) -> list[date]:
    days = {day for uri in uris if (day := _day(_date(uri)))}
    return sorted(days | {day - period for day in days})


def _gather(found: dict[str, list[Checked]], nights: Sequence[date], read: Callable[[date], Sequence[Checked]]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as readers:
        for checks in readers.map(read, nights):
            for one in checks:
                found.setdefault(str(one.get("partition")), []).append(one)


def _standing(store: ObjectStore, model: str, night: date) -> Sequence[Checked]:
    result = step_results.load(store, model, night, "validate")
    return () if result is None else tuple(result.detail.get("datasets", ()))


def _indexed(store: ObjectStore, model: str, night: date) -> Sequence[Checked]:
    return [one for entry in data_docs_index.of_night(store, model, night) for one in entry.datasets]
