"""Publishing against a real S3 server: whole or not at all, once, and never over a newer result."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.adapters.s3 import attempt_cleanup, manifests
from nightshift.adapters.s3.manifests import Manifest, build_data_folder
from nightshift.adapters.s3.object_store import ObjectStore, StoredObject
from nightshift.errors import DataRejected, NothingToDo, TryLater
from nightshift.lake import publish_table, tables
from nightshift.lake.publish_table import Table, load_manifest, publish
from nightshift.settings import StorageSettings, read
from support.faulty_proxy import ReceivedRequest, run_faulty_proxy


@pytest.fixture
def partition(store: ObjectStore) -> str:
    return store.build_uri("scores/flights/date=2013-02-10/")


def scores(value: float, rows: int = 3) -> Table:
    return Table(pa.table({"prediction": [value] * rows}), {"prediction": "prediction"})


def encoded(value: float, rows: int = 3) -> bytes:
    return publish_table._encode(scores(value, rows).rows)


def published(store: ObjectStore, partition: str) -> float:
    return float(tables.read(store, partition)["prediction"].iloc[0])


def attempts(store: ObjectStore, partition: str) -> set[str]:
    folder = build_data_folder(partition)
    return {stored.uri.removeprefix(folder).split("/")[0] for stored in store.list_objects(folder)}


def test_what_is_published_is_what_readers_see(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {"version": 3}, replacing=None)
    assert load_manifest(store, partition) == ours
    assert (ours.rows, ours.meta) == (3, {"version": 3, "before": []})
    assert ours.columns == {"prediction": "prediction"}
    assert ours.etag
    assert published(store, partition) == 0.1


def test_the_public_prefix_holds_manifests_and_no_data(store: ObjectStore, partition: str) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    second = publish(store, partition, scores(0.2), {}, replacing=first)
    assert [o.uri for o in store.list_objects(store.build_uri("scores/"))] == [f"{partition}_MANIFEST.json"]
    assert attempts(store, partition) == {first.attempt, second.attempt}
    # A path with `name=value` in it is a column to Hive-aware readers, in place of a key of that name.
    assert not any("=" in o.uri for o in store.list_objects(store.build_uri("data/")))


def test_a_manifest_is_read_in_a_copy_of_the_bucket(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {}, replacing=None)
    assert ours.list_uris(partition) == [store.build_uri(key) for key in ours.files]
    assert ours.list_uris("s3://copy/scores/flights/date=2013-02-10/") == [f"s3://copy/{key}" for key in ours.files]


def test_what_was_published_before_stays_on_record(store: ObjectStore, partition: str) -> None:
    first = publish(store, partition, scores(0.1), {"version": 1}, replacing=None)
    second = publish(store, partition, scores(0.2), {"version": 2}, replacing=first)
    third = publish(store, partition, scores(0.3), {"version": 3}, replacing=second)
    assert [(e["version"], e["attempt"], e["rows"]) for e in third.before] == [
        (1, first.attempt, 3),
        (2, second.attempt, 3),
    ]


def test_nothing_published_is_no_manifest(store: ObjectStore, partition: str) -> None:
    assert load_manifest(store, partition) is None


def test_a_republication_replaces_the_one_it_saw(store: ObjectStore, partition: str) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    publish(store, partition, scores(0.2), {}, replacing=first)
    assert published(store, partition) == 0.2


@pytest.mark.parametrize("first", [False, True], ids=["first publication", "republication"])
def test_a_late_attempt_leaves_and_takes_its_data_along(store: ObjectStore, partition: str, first: bool) -> None:
    observed = publish(store, partition, scores(0.0), {}, replacing=None) if first else None
    newer = publish(store, partition, scores(0.2), {}, replacing=observed)
    with pytest.raises(NothingToDo, match=partition):
        publish(store, partition, scores(0.1), {}, replacing=observed)
    assert load_manifest(store, partition) == newer
    assert published(store, partition) == 0.2
    assert attempts(store, partition) == {item.attempt for item in (newer, observed) if item}


def test_killed_between_data_and_manifest_readers_see_the_previous(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    with monkeypatch.context() as patch:
        patch.setattr(store, "put_if_match", _killed)
        with pytest.raises(KeyboardInterrupt):
            publish(store, partition, scores(0.2), {}, replacing=first)
    assert len(attempts(store, partition)) == 2
    assert published(store, partition) == 0.1
    publish(store, partition, scores(0.3), {}, replacing=first)
    assert published(store, partition) == 0.3


def test_killed_before_any_manifest_readers_see_nothing(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "put_if_absent", _killed)
    with pytest.raises(KeyboardInterrupt):
        publish(store, partition, scores(0.2), {}, replacing=None)
    with pytest.raises(DataRejected, match="missing"):
        tables.read(store, partition)


def _killed(*_: object) -> bool:
    raise KeyboardInterrupt


def test_of_many_at_once_one_is_published_whole(store: ObjectStore, partition: str) -> None:
    def attempt(number: int) -> Manifest | None:
        try:
            return publish(store, partition, scores(float(number), rows=number), {"n": number}, replacing=None)
        except NothingToDo:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [item for item in pool.map(attempt, range(1, 9)) if item]
    assert len(won) == 1
    assert published(store, partition) == won[0].meta["n"]
    assert len(tables.read(store, partition)) == won[0].meta["n"]


def test_what_does_not_read_back_is_not_published(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.put
    monkeypatch.setattr(store, "put", lambda uri, _: real(uri, encoded(0.1, rows=2)))
    with pytest.raises(TryLater, match=r"reads back as \d+ bytes that are not"):
        publish(store, partition, scores(0.1), {}, replacing=None)
    assert load_manifest(store, partition) is None


def test_a_manifest_that_promises_more_rows_is_rejected(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {}, replacing=None)
    store.put(store.build_uri(ours.files[0]), encoded(0.1, rows=2))
    with pytest.raises(DataRejected, match="holds 2 rows where its manifest says 3"):
        tables.read(store, partition)


def test_a_manifest_whose_data_is_gone_is_rejected(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {}, replacing=None)
    store.delete(ours.list_uris(partition))
    with pytest.raises(DataRejected, match="vanished"):
        tables.read(store, partition)


UNREADABLE = (
    b"",
    b"[]",
    b"{}",
    b'{"files": 3}',
    b'{"files": ["x"], "rows": "many"}',
    b'{"attempt": "a", "files": [3], "rows": 1, "published": ""}',
    b'{"attempt": "a", "files": [], "rows": 1, "published": "", "meta": []}',
    b'{"attempt": "a", "files": [], "rows": 1, "published": "", "meta": {"before": 3}}',
)


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_unreadable_manifest_is_rejected(store: ObjectStore, partition: str, text: bytes) -> None:
    store.put(manifests.build_location(partition), text)
    with pytest.raises(DataRejected, match="is not a manifest"):
        tables.read(store, partition)


def test_a_reader_follows_a_manifest_that_is_replaced_under_it(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    second = publish(store, partition, scores(0.2), {}, replacing=first)
    publish(store, partition, scores(0.3), {}, replacing=second)
    store.delete(first.list_uris(partition))  # swept: the reader paused for more than a week
    answers = iter([first])
    real = manifests.load_manifest
    monkeypatch.setattr(manifests, "load_manifest", lambda s, uri: next(answers, None) or real(s, uri))
    assert published(store, partition) == 0.3


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["begin", "commit", "die"]), st.integers(0, 3)), max_size=14))
def test_readers_always_see_the_last_commit_whole(
    store: ObjectStore, partition: str, steps: list[tuple[str, int]]
) -> None:
    """Four writers begin, commit and die in any order; a model of one variable says what readers must see."""
    store.delete(o.uri for o in [*store.list_objects(partition), *store.list_objects(build_data_folder(partition))])
    started_at: dict[int, Manifest | None] = {}
    current: Manifest | None = None
    for number, (description, writer) in enumerate(steps):
        if description == "begin":
            started_at[writer] = load_manifest(store, partition)
        elif description == "die" and writer in started_at:
            store.put(f"{build_data_folder(partition)}died{number}/part-0.parquet", encoded(-1.0))
            del started_at[writer]
        elif description == "commit" and writer in started_at:
            observed = started_at.pop(writer)
            if observed == current:
                current = publish(store, partition, scores(float(number)), {"n": number}, replacing=observed)
            else:
                with pytest.raises(NothingToDo):
                    publish(store, partition, scores(-1.0), {}, replacing=observed)
        assert load_manifest(store, partition) == current
        if current:
            assert published(store, partition) == current.meta["n"]


def _writes_manifest(request: ReceivedRequest) -> bool:
    return request.method == "PUT" and request.path.endswith("_MANIFEST.json")


def _store_at(url: str, retry_seconds: float) -> ObjectStore:
    return ObjectStore(read(StorageSettings).model_copy(update={"endpoint": url}), retry_seconds)


@pytest.mark.parametrize("retry_seconds", [0, 20], ids=["not repeated", "repeated, and refused with 412"])
@pytest.mark.parametrize("kind", ["lose", "fail"])
@pytest.mark.parametrize("again", [False, True], ids=["first publication", "republication"])
def test_a_manifest_whose_reply_is_lost_is_this_attempts_success(
    store: ObjectStore, partition: str, kind: str, retry_seconds: float, again: bool
) -> None:
    observed = publish(store, partition, scores(0.0), {}, replacing=None) if again else None
    with run_faulty_proxy(str(read(StorageSettings).endpoint)) as proxy:
        proxy.add(kind, matches=_writes_manifest, status=500)
        ours = publish(_store_at(proxy.url, retry_seconds), partition, scores(0.1), {}, replacing=observed)
    assert load_manifest(store, partition) == ours
    assert published(store, partition) == 0.1


@pytest.mark.parametrize("retry_seconds", [0, 20])
def test_a_lost_reply_and_a_later_publication_leave_both_files(
    store: ObjectStore, partition: str, retry_seconds: float
) -> None:
    def replace_it() -> None:
        publish(store, partition, scores(0.2), {}, replacing=load_manifest(store, partition))

    with run_faulty_proxy(str(read(StorageSettings).endpoint)) as proxy:
        proxy.add("lose", matches=_writes_manifest, then=replace_it)
        with pytest.raises(NothingToDo, match="by this attempt and, since then, by a later one"):
            publish(_store_at(proxy.url, retry_seconds), partition, scores(0.1), {}, replacing=None)
    newer = load_manifest(store, partition)
    assert newer is not None
    assert published(store, partition) == 0.2
    assert attempts(store, partition) == {newer.attempt, newer.before[0]["attempt"]}


def test_a_manifest_that_never_arrived_is_tried_later(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise TryLater("S3 could not be reached")

    monkeypatch.setattr(store, "put_if_absent", fail)
    with pytest.raises(TryLater, match="could not be reached"):
        publish(store, partition, scores(0.1), {}, replacing=None)
    assert load_manifest(store, partition) is None


def test_a_refusal_that_nobody_caused_is_tried_later(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 answers 409 to a conditional write that meets another operation, which may fail as well."""
    monkeypatch.setattr(store, "put_if_absent", lambda *_: False)
    with pytest.raises(TryLater, match="although no other attempt had written it"):
        publish(store, partition, scores(0.1), {}, replacing=None)


def _later(store: ObjectStore, partition: str, days: float) -> None:
    """Sweeps as if so many days had passed."""
    attempt_cleanup.sweep(store, partition, datetime.now(UTC) + timedelta(days=days))


def test_replaced_and_orphaned_data_stays_for_seven_days(store: ObjectStore, partition: str) -> None:
    store.put(f"{build_data_folder(partition)}orphan/part-0.parquet", encoded(0.9))
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    second = publish(store, partition, scores(0.2), {}, replacing=first)
    third = publish(store, partition, scores(0.3), {}, replacing=second)
    everything = {"orphan", first.attempt, second.attempt, third.attempt}
    assert attempts(store, partition) == everything
    _later(store, partition, 6.9)
    assert attempts(store, partition) == everything
    _later(store, partition, 7.1)
    assert attempts(store, partition) == {third.attempt}
    assert published(store, partition) == 0.3


def test_the_seven_days_begin_when_data_is_replaced_not_when_it_was_written(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    _as_if_written(first, store, partition, days_ago=30, patch=monkeypatch)
    second = publish(store, partition, scores(0.2), {}, replacing=first)
    assert attempts(store, partition) == {first.attempt, second.attempt}


def _as_if_written(
    manifest: Manifest, store: ObjectStore, partition: str, days_ago: float, patch: pytest.MonkeyPatch
) -> None:
    real: Any = store.list_objects
    past = timedelta(days=days_ago)

    def objects(prefix: str) -> list[Any]:
        return [
            StoredObject(o.uri, o.etag, o.size, o.modified - past) if manifest.attempt in o.uri else o
            for o in real(prefix)
        ]

    patch.setattr(store, "list_objects", objects)
    assert any(manifest.attempt in o.uri for o in store.list_objects(build_data_folder(partition)))


def test_a_publication_sweeps_the_other_days_of_its_model_and_no_other_model(
    store: ObjectStore, partition: str
) -> None:
    other_day, other_model = (
        store.build_uri("scores/flights/date=2013-01-01/"),
        store.build_uri("scores/hotels/date=2013-01-01/"),
    )
    unpublished = store.build_uri("scores/flights/date=2013-01-02/")
    for place in (other_day, other_model):
        publish(store, place, scores(0.1), {}, replacing=None)
    for place in (other_day, other_model, unpublished):
        store.put(f"{build_data_folder(place)}orphan/part-0.parquet", encoded(0.9))
    publish(store, partition, scores(0.1), {}, replacing=None)
    _later(store, partition, 8)
    assert ["orphan" in attempts(store, place) for place in (other_day, other_model, unpublished)] == [
        False,
        True,
        False,
    ]
    assert published(store, other_day) == published(store, partition) == 0.1


def test_an_unreadable_manifest_keeps_the_data_of_its_day_and_stops_nothing_else(
    store: ObjectStore, partition: str
) -> None:
    broken = store.build_uri("scores/flights/date=2013-01-01/")
    for name in ("one", "two"):
        store.put(f"{build_data_folder(broken)}{name}/part-0.parquet", encoded(0.9))
    store.put(manifests.build_location(broken), b"{")
    store.put(f"{build_data_folder(partition)}orphan/part-0.parquet", encoded(0.9))
    ours = publish(store, partition, scores(0.1), {}, replacing=None)
    _later(store, partition, 8)
    assert attempts(store, broken) == {"one", "two"}
    assert attempts(store, partition) == {ours.attempt}


def test_a_sweep_that_fails_does_not_undo_a_publication(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> list[Any]:
        raise TryLater("S3 failed at listing")

    with monkeypatch.context() as patch:
        patch.setattr(store, "list_objects", fail)
        publish(store, partition, scores(0.1), {}, replacing=None)
    assert published(store, partition) == 0.1


def test_an_attempt_that_paused_for_days_does_not_publish_what_may_be_swept(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert attempt_cleanup.KEPT > 2 * publish_table.COMMITTED_WITHIN
    monkeypatch.setattr(publish_table, "COMMITTED_WITHIN", timedelta(seconds=-1))
    with pytest.raises(TryLater, match="paused for more than a day"):
        publish(store, partition, scores(0.1), {}, replacing=None)
    assert load_manifest(store, partition) is None
