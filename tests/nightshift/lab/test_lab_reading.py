"""Partitions as other people's lakes hold them, through the real steps: read as what they are, or refused."""

from dataclasses import replace

import pytest

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.lake import tables
from nightshift.lake.validated_nights import Lake
from nightshift.result_parts import LeftOutNight
from nightshift.stored_records import to_plain
from support.lab import NEXT, NIGHT, NIGHTS, Lab

REPLACED = NIGHTS[-3]


def test_what_is_read_is_what_was_validated(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition is replaced between its digest and its reading; later markers come, and a compaction."""
    assert [result.outcome for result in lab.validate_all()[1:]] == ["done"] * len(NIGHTS)
    folder, good = lab.get_dataset("facts").build_partition_uri(REPLACED), lab.make_rows(REPLACED)
    _replace_when_read(lab, monkeypatch)
    interrupted = lab.run("train")
    assert interrupted.outcome == "try_later"
    assert f"{folder} was replaced while it was read: this step starts again" in interrupted.summary

    lab.clear("facts", REPLACED)
    for number, part in enumerate((good[40:], good[:40])):
        lab.write("facts", REPLACED, part.sample(frac=1, random_state=1), f"compacted-{number}.parquet")
    lab.store.put(folder + "_SUCCESS", b"")
    trained = lab.run("train")
    assert trained.outcome == "done"
    assert trained.detail.left_out == ()

    lab.store.put(lab.get_dataset("plan").build_partition_uri(NIGHT) + "_SUCCESS", b"")
    lab.write("facts", REPLACED, good.iloc[::-1].astype({"y": "int8"}))
    lab.store.delete([folder + "compacted-0.parquet", folder + "compacted-1.parquet"])
    assert lab.run("train").detail == replace(trained.detail, reused=True)

    lab.write("facts", REPLACED, good.iloc[1:])
    other = lab.run("train").detail
    assert other.left_out == (LeftOutNight(night=REPLACED, reason=f"{folder} changed after it was validated"),)
    assert not other.reused


def _replace_when_read(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    """Puts rows that nobody validated in the place of REPLACED's facts, the first time that they are read."""
    real, left = Lake._read, [REPLACED]

    def replace_first(lake: Lake, dataset: object, day: object) -> object:
        if day in left and getattr(dataset, "name", "") == "facts":
            left.clear()
            lab.write("facts", REPLACED, lab.make_rows(REPLACED).assign(y=1))
        return real(lake, dataset, day)  # type: ignore[arg-type]

    patch.setattr(Lake, "_read", replace_first)


@pytest.mark.parametrize("mark", ["facts/_delta_log/0.json", "facts/metadata/v1.metadata.json", ".hoodie/x"])
def test_a_table_format_is_refused_by_every_step(lab: Lab, mark: str) -> None:
    if "_delta_log" in mark:
        assert lab.run("validate").outcome == "done"
    lab.store.put(lab.store.build_uri(f"lake/{mark}"), b"{}")
    for verb in ("train", "validate") if "_delta_log" in mark else ("validate",):
        result = lab.run(verb)
        assert result.outcome == "rejected"
        assert "which of its files count is said by the table's own log" in result.summary


def test_folders_that_stand_for_columns_and_foreign_files_are_refused(lab: Lab) -> None:
    lab.clear("facts", NIGHT)
    for region in ("north", "south"):
        lab.write("facts", NIGHT, lab.make_rows(NIGHT), f"region={region}/a.parquet")
    lab.store.put(lab.get_dataset("plan").build_partition_uri(NEXT) + "more.csv", b"canary,1\n")
    result = lab.run("validate")
    assert result.outcome == "rejected"
    facts, plan = result.detail.datasets
    assert "stands for a column region, which the file itself does not hold" in facts.failures[0].sentence
    assert "beside 1 Parquet file 1 object ending in .csv" in plan.failures[0].sentence
    assert "north" not in str(to_plain(result))


def test_integers_of_64_bits_stand_exactly_beside_nulls(lab: Lab, store: ObjectStore) -> None:
    rows = lab.make_rows(NIGHT).assign(id=[2**53 + 1, *range(59)])
    rows["n"] = rows["id"].astype("Int64").where(rows["id"] > 0)
    lab.write("facts", NIGHT, rows)
    lab.write("facts", NIGHT, rows.assign(id=rows["id"] + 100), "part-1.parquet")
    frame = tables.read(store, lab.get_dataset("facts").build_partition_uri(NIGHT))
    assert frame["n"].dtype == "Int64"
    assert frame["n"].max() == 2**53 + 1
    assert frame["id"].max() == 2**53 + 101
