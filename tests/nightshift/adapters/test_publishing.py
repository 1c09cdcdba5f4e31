"""Publishing against a real S3 server: whole or not at all, once, and never over a newer result."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.adapters import manifests, tables
from nightshift.adapters.manifests import Manifest
from nightshift.adapters.publishing import manifest, publish
from nightshift.adapters.storage import ObjectStore
from nightshift.errors import DataRejected, NothingToDo, TryLater


@pytest.fixture
def partition(store: ObjectStore) -> str:
    return store.uri("scores/flights/date=2013-02-10/")


def scores(value: float, rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"prediction": [value] * rows})


def published(store: ObjectStore, partition: str) -> float:
    return float(tables.read(store, partition)["prediction"].iloc[0])


def attempts(store: ObjectStore, partition: str) -> set[str]:
    names = (stored.uri.removeprefix(partition).split("/") for stored in store.objects(partition))
    return {name[0] for name in names if len(name) > 1}


def test_what_is_published_is_what_readers_see(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {"version": 3}, replacing=None)
    assert manifest(store, partition) == ours
    assert (ours.rows, ours.meta) == (3, {"version": 3})
    assert ours.etag
    assert published(store, partition) == 0.1


def test_nothing_published_is_no_manifest(store: ObjectStore, partition: str) -> None:
    assert manifest(store, partition) is None


def test_a_republication_replaces_the_one_it_saw(store: ObjectStore, partition: str) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    publish(store, partition, scores(0.2), {}, replacing=first)
    assert published(store, partition) == 0.2


@pytest.mark.parametrize("first", [False, True], ids=["first publication", "republication"])
def test_a_late_attempt_leaves_and_takes_its_data_along(store: ObjectStore, partition: str, first: bool) -> None:
    seen = publish(store, partition, scores(0.0), {}, replacing=None) if first else None
    newer = publish(store, partition, scores(0.2), {}, replacing=seen)
    with pytest.raises(NothingToDo, match=partition):
        publish(store, partition, scores(0.1), {}, replacing=seen)
    assert manifest(store, partition) == newer
    assert published(store, partition) == 0.2
    allowed = {f"attempt={one.attempt}" for one in (newer, seen) if one}
    assert attempts(store, partition) <= allowed


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


def test_orphans_are_swept_and_the_one_replaced_stays_for_its_readers(store: ObjectStore, partition: str) -> None:
    store.put(f"{partition}attempt=orphan/part-0.parquet", tables.encode(scores(0.9)))
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    assert attempts(store, partition) == {f"attempt={first.attempt}"}
    second = publish(store, partition, scores(0.2), {}, replacing=first)
    assert attempts(store, partition) == {f"attempt={first.attempt}", f"attempt={second.attempt}"}
    third = publish(store, partition, scores(0.3), {}, replacing=second)
    assert attempts(store, partition) == {f"attempt={second.attempt}", f"attempt={third.attempt}"}


def test_an_attempt_begun_after_the_commit_is_not_swept(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.put_if_absent

    def commit_and_let_another_begin(uri: str, data: bytes) -> bool:
        won = real(uri, data)
        store.put(f"{partition}attempt=next/part-0.parquet", tables.encode(scores(0.5)))
        return won

    monkeypatch.setattr(store, "put_if_absent", commit_and_let_another_begin)
    publish(store, partition, scores(0.1), {}, replacing=None)
    assert "attempt=next" in attempts(store, partition)


def test_of_many_at_once_one_is_published_whole(store: ObjectStore, partition: str) -> None:
    def attempt(number: int) -> Manifest | None:
        try:
            return publish(store, partition, scores(float(number), rows=number), {"n": number}, replacing=None)
        except (NothingToDo, TryLater):  # TryLater: the winner swept what a loser was still writing
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [found for found in pool.map(attempt, range(1, 9)) if found]
    assert len(won) == 1
    assert published(store, partition) == won[0].meta["n"]
    assert len(tables.read(store, partition)) == won[0].meta["n"]


def test_what_does_not_read_back_is_not_published(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.put
    monkeypatch.setattr(store, "put", lambda uri, _: real(uri, tables.encode(scores(0.1, rows=2))))
    with pytest.raises(TryLater, match="reads back 2 rows where 3"):
        publish(store, partition, scores(0.1), {}, replacing=None)
    assert manifest(store, partition) is None


def test_a_manifest_that_promises_more_rows_is_rejected(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {}, replacing=None)
    store.put(f"{partition}{ours.files[0]}", tables.encode(scores(0.1, rows=2)))
    with pytest.raises(DataRejected, match="holds 2 rows where its manifest says 3"):
        tables.read(store, partition)


def test_a_manifest_whose_data_is_gone_is_rejected(store: ObjectStore, partition: str) -> None:
    ours = publish(store, partition, scores(0.1), {}, replacing=None)
    store.delete([f"{partition}{ours.files[0]}"])
    with pytest.raises(DataRejected, match="vanished"):
        tables.read(store, partition)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"files": 3}', b'{"files": ["x"], "rows": "many"}'])
def test_an_unreadable_manifest_is_rejected(store: ObjectStore, partition: str, text: bytes) -> None:
    store.put(manifests.location(partition), text)
    with pytest.raises(DataRejected, match="is not a manifest"):
        tables.read(store, partition)


def test_a_reader_follows_a_manifest_that_is_replaced_under_it(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(store, partition, scores(0.1), {}, replacing=None)
    second = publish(store, partition, scores(0.2), {}, replacing=first)
    publish(store, partition, scores(0.3), {}, replacing=second)
    answers = iter([first])
    real = manifests.manifest
    monkeypatch.setattr(manifests, "manifest", lambda s, uri: next(answers, None) or real(s, uri))
    assert published(store, partition) == 0.3


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["begin", "commit", "die"]), st.integers(0, 3)), max_size=14))
def test_readers_always_see_the_last_commit_whole(
    store: ObjectStore, partition: str, steps: list[tuple[str, int]]
) -> None:
    """Four writers begin, commit and die in any order; a model of one variable says what readers must see."""
    store.delete(o.uri for o in store.objects(partition))
    began: dict[int, Manifest | None] = {}
    current: Manifest | None = None
    for number, (what, writer) in enumerate(steps):
        if what == "begin":
            began[writer] = manifest(store, partition)
        elif what == "die" and writer in began:
            store.put(f"{partition}attempt=died{number}/part-0.parquet", tables.encode(scores(-1.0)))
            del began[writer]
        elif what == "commit" and writer in began:
            seen = began.pop(writer)
            if seen == current:
                current = publish(store, partition, scores(float(number)), {"n": number}, replacing=seen)
            else:
                with pytest.raises(NothingToDo):
                    publish(store, partition, scores(-1.0), {}, replacing=seen)
        assert manifest(store, partition) == current
        if current:
            assert published(store, partition) == current.meta["n"]
