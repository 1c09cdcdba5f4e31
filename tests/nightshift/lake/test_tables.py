"""Tables in object storage against a real S3 server: what is written is read, what cannot be read is named."""

import pandas as pd
import pytest

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import DataRejected
from nightshift.lake import tables

FRAME = pd.DataFrame(
    {
        "night": pd.to_datetime(["2013-02-09", "2013-02-09"]).as_unit("ms"),
        "carrier": pd.Series(["UA", None], dtype="str"),
        "delay": [1.5, float("nan")],
        "at": pd.to_datetime(["2013-02-09T10:00Z", "2013-02-09T11:00Z"], utc=True).as_unit("ms"),
    }
)


@pytest.fixture
def partition(store: ObjectStore) -> str:
    return store.build_uri("lake/flights/date=2013-02-09/")


def test_what_is_written_is_read(store: ObjectStore, partition: str) -> None:
    assert tables.write_partition(store, partition, FRAME) == f"{partition}part-0.parquet"
    pd.testing.assert_frame_equal(tables.read(store, partition), FRAME)


def test_equal_frames_are_equal_bytes() -> None:
    assert tables.encode(FRAME) == tables.encode(FRAME.copy())


def test_every_file_of_a_plain_partition_is_read_in_order(store: ObjectStore, partition: str) -> None:
    store.put(f"{partition}part-1.parquet", tables.encode(FRAME.assign(delay=[3.0, 4.0])))
    store.put(f"{partition}part-0.parquet", tables.encode(FRAME.assign(delay=[1.0, 2.0])))
    store.put(f"{partition}_CORRUPTED.json", b"{}")
    store.put(f"{partition}_spark_metadata/x.parquet", b"no Parquet")
    assert tables.read(store, partition)["delay"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_partition_does_not_take_in_one_whose_name_begins_alike(store: ObjectStore, partition: str) -> None:
    tables.write_partition(store, partition, FRAME)
    tables.write_partition(store, partition.rstrip("/") + "0", FRAME)
    assert len(tables.read(store, partition.rstrip("/"))) == len(FRAME)


def test_a_missing_partition_is_named(store: ObjectStore, partition: str) -> None:
    with pytest.raises(DataRejected, match=f"{partition}.*missing"):
        tables.read(store, partition)


def test_an_empty_partition_is_named(store: ObjectStore, partition: str) -> None:
    tables.write_partition(store, partition, FRAME.head(0))
    with pytest.raises(DataRejected, match=f"{partition}.*no rows"):
        tables.read(store, partition)


@pytest.mark.parametrize("keep", [0, 3, 40, -1])
def test_a_file_cut_short_is_named(store: ObjectStore, partition: str, keep: int) -> None:
    store.put(f"{partition}part-0.parquet", tables.encode(FRAME)[:keep])
    with pytest.raises(DataRejected, match=f"{partition}: file 1 of 1 .by name. is not a readable Parquet file"):
        tables.read(store, partition)


def test_a_file_damaged_in_the_middle_is_named(store: ObjectStore, partition: str) -> None:
    data = bytearray(tables.encode(FRAME))
    data[8:60] = bytes(52)
    store.put(f"{partition}part-0.parquet", bytes(data))
    with pytest.raises(DataRejected, match=f"{partition}: file 1 of 1"):
        tables.read(store, partition)


def test_files_that_do_not_fit_together_are_named(store: ObjectStore, partition: str) -> None:
    store.put(f"{partition}part-0.parquet", tables.encode(FRAME))
    store.put(f"{partition}part-1.parquet", tables.encode(FRAME.assign(delay="late")))
    with pytest.raises(DataRejected, match=f"{partition} do not fit together"):
        tables.read(store, partition)
