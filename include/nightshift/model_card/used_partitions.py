"""Which partitions a version was made from, and how each was validated, from the records of training and validation."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from nightshift.adapters.gx import data_docs_index
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.model_card.card import Check, Data, Partition
from nightshift.result_parts import CheckedPartition
from nightshift.results import EvaluateResult, Training, ValidateResult

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
AT_ONCE = 16
Checks = dict[str, list[CheckedPartition]]


@dataclass(frozen=True)
class UsedRecords:
    """What says which data a version was made from.

    `read`: content digests by URI as training read them. `sources`: patterns of URIs by the dataset's name.
    """

    trained: Training | None
    evaluated: EvaluateResult | None
    read: Mapping[str, str]
    sources: Mapping[str, str]

    @property
    def judged(self) -> Mapping[str, str]:
        """Content digests by URI as the comparison read them."""
        return self.evaluated.inputs if self.evaluated else {}


def collect_data(store: ObjectStore, model: str, records: UsedRecords) -> Data:
    """The data of a version."""
    trained, evaluated, read, judged = records.trained, records.evaluated, records.read, records.judged
    train_nights, holdout_nights = (trained.train_nights, trained.holdout_nights) if trained else ((), ())
    compared_nights = evaluated.holdout_nights if evaluated else ()
    checks = _load_checks(
        store, model, {**judged, **read}, _compute_period((*train_nights, *holdout_nights, *compared_nights))
    )
    return Data(
        partitions=tuple(_build_partition(uri, records, checks.get(uri, ())) for uri in sorted({*read, *judged})),
        train_nights=tuple(map(str, train_nights)),
        holdout_nights=tuple(map(str, holdout_nights)),
        compared_nights=tuple(map(str, compared_nights)),
        left_out=_list_left_out(trained, evaluated),
        rows=trained.rows if trained else None,
        holdout_rows=trained.holdout_rows if trained else None,
        positive_rate=trained.positive_rate if trained else None,
    )


def _list_left_out(*results: Training | EvaluateResult | None) -> tuple[tuple[str, str], ...]:
    pairs = {(str(entry.night), entry.reason) for result in results if result for entry in result.left_out}
    return tuple(sorted(pairs))


def _build_partition(uri: str, records: UsedRecords, checks: Sequence[CheckedPartition]) -> Partition:
    read, judged = records.read.get(uri, ""), records.judged.get(uri, "")
    digest = read or judged
    same = [check for check in checks if check.content == digest]
    check = next(iter([*same, *checks]), None)
    return Partition(
        uri=uri,
        dataset=_find_dataset(uri, check, records.sources),
        date=_find_date(uri),
        digest=read,
        judged=judged,
        check=None if check is None else _check(check, same=bool(same)),
    )


def _check(checked: CheckedPartition, *, same: bool) -> Check:
    return Check(
        rows=checked.rows,
        expectations=checked.expectations,
        failed=checked.failed,
        page=checked.page,
        corrupted=checked.corrupted,
        same=same,
    )


def _find_dataset(uri: str, check: CheckedPartition | None, sources: Mapping[str, str]) -> str:
    named = [name for name, source in sources.items() if source and uri.startswith(source.split("{night}")[0])]
    return named[0] if named else check.dataset if check else _get_head(uri)


def _get_head(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[0]


def _find_date(uri: str) -> str:
    dates = DATE.findall(uri)
    return dates[-1] if dates else ""


def _compute_period(nights: Iterable[date]) -> timedelta:
    """How far the model's nights stand apart, as its windows show it."""
    return min((after - before for before, after in pairwise(sorted(set(nights)))), default=timedelta(days=1))


def _parse_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _load_checks(store: ObjectStore, model: str, read: Mapping[str, str], period: timedelta) -> Checks:
    """The checks of each partition, by URI. A night checks its own partitions and the next schedule.

    The index of Data Docs is asked about those only that the current results do not know in the digest that was read.
    """
    by_uri: Checks = {}
    _gather(by_uri, _list_nights(read, period), lambda night: _load_current_checks(store, model, night))
    unknown = [uri for uri, digest in read.items() if not any(check.content == digest for check in by_uri.get(uri, ()))]
    _gather(by_uri, _list_nights(unknown, period), lambda night: _load_indexed_checks(store, model, night))
    return by_uri


def _list_nights(uris: Iterable[str], period: timedelta) -> list[date]:
    days = {day for uri in uris if (day := _parse_day(_find_date(uri)))}
    return sorted(days | {day - period for day in days})


def _gather(by_uri: Checks, nights: Sequence[date], read: Callable[[date], Sequence[CheckedPartition]]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as readers:
        for checks in readers.map(read, nights):
            for checked in checks:
                by_uri.setdefault(checked.partition, []).append(checked)


def _load_current_checks(store: ObjectStore, model: str, night: date) -> Sequence[CheckedPartition]:
    result = step_results.load(store, model, night, ValidateResult)
    return () if result is None or result.detail is None else result.detail.datasets


def _load_indexed_checks(store: ObjectStore, model: str, night: date) -> Sequence[CheckedPartition]:
    return [
        checked for entry in data_docs_index.list_entries_of_night(store, model, night) for checked in entry.datasets
    ]
