"""What lies in a partition's folder: data is read, markers change nothing, what may hold rows is never ignored."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from nightshift.adapters.s3.object_store import ObjectStore, StoredObject
from nightshift.errors import DataRejected, TryLater
from nightshift.lake import table_formats, tables
from nightshift.lake.partitions import sort_out

FOLDER = "s3://lake/facts/date=2013-02-01/"
FRAME = pd.DataFrame({"id": [1, 2], "region": ["north", "north"]})
MARKERS = (
    "_SUCCESS",
    "_committed_7",
    "_metadata",
    ".part-0.parquet.crc",
    "part-0.parquet.crc",
    "_tmp/x.csv",
    "sub/",
    "done",
)


def listed(*names: str, size: int = 9) -> list[StoredObject]:
    """Objects under the folder; those whose name says so are empty."""
    at = datetime(2013, 2, 2, tzinfo=UTC)
    return [StoredObject(FOLDER + n, f"etag {n}", 0 if n in ("sub/", "done") else size, at) for n in names]


def files_of(*names: str) -> list[str]:
    return [o.uri.removeprefix(FOLDER) for o in sort_out(listed(*names), FOLDER).files]


def test_data_is_known_by_its_ending_and_also_lies_in_plain_subfolders() -> None:
    names = ["a.parquet", "b.snappy.parquet", "c.PARQ", "d.pq", "e.parquet/part-0.parquet", "sub/deep/f.parquet"]
    assert files_of(*names) == sorted(names)


def test_markers_change_neither_the_files_nor_the_digest() -> None:
    plain, marked = sort_out(listed("a.parquet"), FOLDER), sort_out(listed("a.parquet", *MARKERS), FOLDER)
    assert plain.files == marked.files
    assert plain.physical == marked.physical
    assert sort_out(listed("a.parquet", "b.parquet"), FOLDER).physical != plain.physical


def test_a_folder_whose_name_begins_alike_is_another_partition() -> None:
    other = [StoredObject(FOLDER.rstrip("/") + "0/a.parquet", "e", 9, datetime(2013, 2, 2, tzinfo=UTC))]
    assert sort_out(other, FOLDER).files == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.csv", "b.csv", "part-0000"], "no Parquet file, but 2 objects ending in .csv, 1 object without an ending"),
        (["a.parquet.gz"], "no Parquet file, but 1 object ending in .gz"),
        (["a.parquet", "b.json"], "beside 1 Parquet file 1 object ending in .json, which may hold rows"),
        (["a.parquet", "b.parquet", "c.canary"], "beside 2 Parquet files 1 object with another ending"),
        (["a.parquet", "b.parquet._COPYING_"], "1 object with another ending"),
    ],
)
def test_what_may_hold_rows_is_counted_by_ending_and_refused(names: list[str], expected: str) -> None:
    with pytest.raises(DataRejected) as caught:
        sort_out(listed(*names), FOLDER)
    assert expected in str(caught.value)
    assert not any(name in str(caught.value) for name in (*names, "canary"))


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("_delta_log/00000000000000000000.json", "a Delta table"),
        (".hoodie/hoodie.properties", "a Hudi table"),
        (".hoodie_partition_metadata", "a Hudi table"),
        ("metadata/v3.metadata.json", "an Iceberg table"),
        ("metadata/00001-abc.gz.metadata.json", "an Iceberg table"),
        ("_spark_metadata/12", "a Spark stream"),
    ],
)
def test_a_table_format_in_the_folder_is_refused(name: str, format_: str) -> None:
    with pytest.raises(DataRejected, match=format_):
        sort_out(listed("a.parquet", name), FOLDER)


def test_every_folder_above_is_asked_for_a_table_format(store: ObjectStore) -> None:
    folder = store.build_uri("lake/facts/date=2013-02-01/")
    levels = table_formats.list_levels(folder)
    assert levels == [store.build_uri("lake/facts/"), store.build_uri("lake/"), store.build_uri("")]
    store.put(store.build_uri("lake/facts/metadata/readme.json"), b"{}")
    table_formats.require_plain(store, folder, levels)
    for level in levels:
        store.put(f"{level}_delta_log/0.json", b"{}")
        with pytest.raises(DataRejected, match=f"is part of a Delta table ._delta_log stands in {level}.: .*export"):
            table_formats.require_plain(store, folder, levels)
        store.delete([f"{level}_delta_log/0.json"])


def write(store: ObjectStore, folder: str, name: str, frame: pd.DataFrame = FRAME) -> None:
    store.put(folder + name, tables.encode(frame))


@pytest.mark.parametrize("name", ["region=north/a.parquet", "x/zone=1/b.parquet", "_zone=1/a.parquet", "zone%3D1/a.pq"])
def test_a_folder_that_stands_for_a_column_is_refused_by_column(store: ObjectStore, name: str) -> None:
    folder = store.build_uri("lake/facts/date=2013-02-01/")
    write(store, folder, name, FRAME[["id"]])
    with pytest.raises(DataRejected, match=r"stands for a column _?(region|zone), which the file itself") as caught:
        tables.read(store, folder)
    assert "north" not in str(caught.value)
    assert "=1" not in str(caught.value)


def test_a_folder_whose_column_is_in_the_files_is_read(store: ObjectStore) -> None:
    folder = store.build_uri("lake/facts/date=2013-02-01/")
    write(store, folder, "region=north/a.parquet")
    write(store, folder, "region=far%20south/a.parquet", FRAME.assign(region="far south"))
    assert tables.read(store, folder)["region"].tolist() == ["far south"] * 2 + ["north"] * 2
    write(store, folder, "region=__HIVE_DEFAULT_PARTITION__/a.parquet", FRAME.assign(region=None))
    assert tables.read(store, folder)["region"].isna().sum() == 2
    write(store, folder, "region=west/a.parquet")
    with pytest.raises(DataRejected, match="the file holds other values in that column"):
        tables.read(store, folder)


def test_a_message_about_a_file_says_its_place_and_not_its_name(store: ObjectStore) -> None:
    folder = store.build_uri("lake/facts/date=2013-02-01/")
    write(store, folder, "a.parquet")
    store.put(folder + "canary.parquet", b"PAR1 half")
    with pytest.raises(DataRejected, match=f"{folder}: file 2 of 2 .by name. is not a readable") as caught:
        tables.read(store, folder)
    assert "canary" not in str(caught.value)


def test_only_the_bytes_that_were_listed_are_read(store: ObjectStore) -> None:
    folder = store.build_uri("lake/facts/date=2013-02-01/")
    write(store, folder, "a.parquet")
    observed = tables.list_partition(store, folder)
    assert tables.read_listed(store, observed).num_rows == 2
    write(store, folder, "a.parquet", FRAME.head(1))
    with pytest.raises(TryLater, match="was replaced while it was read: this step starts again") as caught:
        tables.read_listed(store, observed)
    assert "a.parquet" not in str(caught.value)
    store.delete([folder + "a.parquet"])
    with pytest.raises(TryLater, match="was replaced"):
        tables.read_listed(store, observed)


def test_a_partition_replaced_during_a_reading_is_listed_and_read_anew(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.build_uri("lake/facts/date=2013-02-01/")
    write(store, folder, "a.parquet")
    real, before = store.get_pinned, tables.list_partition(store, folder).physical
    newer = [FRAME.assign(id=[3, 4])]

    def replace_first(uri: str, etag: str) -> bytes | None:
        if newer:
            write(store, folder, "a.parquet", newer.pop())
        return real(uri, etag)

    monkeypatch.setattr(store, "get_pinned", replace_first)
    partition = tables.read_partition(store, folder)
    assert partition.frame["id"].tolist() == [3, 4]
    assert partition.physical == tables.list_partition(store, folder).physical != before
    assert partition.files == 1


def test_an_object_is_pinned_by_its_etag(store: ObjectStore) -> None:
    uri = store.build_uri("x")
    store.put(uri, b"one")
    _, etag = store.get_tagged(uri) or (b"", "")
    assert store.get_pinned(uri, etag) == b"one"
    store.put(uri, b"two")
    assert store.get_pinned(uri, etag) is None
    assert store.get_pinned(store.build_uri("none"), etag) is None
