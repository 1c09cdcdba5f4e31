"""Definitions refuse what could not run, and nights are dates and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from nightshift import catalog
from nightshift.core.metrics import METRICS
from nightshift.definition import FEWEST_PERIODS, Dataset, Gate, Resources, Schedule, Window, parse_night
from nightshift.definition_checks import METRICS_OF
from nightshift.errors import BadConfig


def test_a_night_is_a_date() -> None:
    assert parse_night("2013-02-09") == date(2013, 2, 9)


@pytest.mark.parametrize(
    "text",
    ["", "2013-2-9", "2013-02-30", "2013-02-09\n", "2013-02-09;id", "٢٠١٣-٠٢-٠٩", "20130209", "x" * 300, " 2013-02-09"],
)
def test_anything_else_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(BadConfig) as caught:
        parse_night(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.text())
def test_no_text_gets_through_that_is_not_the_night_it_names(text: str) -> None:
    try:
        night = parse_night(text)
    except BadConfig:
        return
    assert night.isoformat() == text


def test_a_dataset_names_one_partition_per_night() -> None:
    dataset = Dataset(name="flights", uri="s3://lake/flights/date={night}/")
    assert dataset.build_partition_uri(date(2013, 2, 9)) == "s3://lake/flights/date=2013-02-09/"


@pytest.mark.parametrize(
    "uri", ["lake/flights/{night}/", "s3://lake/flights/", "s3://lake/{night}", "s3://a/{night}/{night}/"]
)
def test_a_dataset_without_a_usable_pattern_is_refused(uri: str) -> None:
    with pytest.raises(BadConfig, match="must look like"):
        Dataset(name="flights", uri=uri)


def test_bounds_that_no_run_could_meet_are_refused() -> None:
    with pytest.raises(BadConfig, match="confidence"):
        Gate(metric="log_loss", floor=0.6, confidence=1.0)
    with pytest.raises(BadConfig, match=r"resamples 1999 are too few .* give at least 2000"):
        Gate(metric="log_loss", floor=0.6, confidence=0.995, resamples=1999)
    with pytest.raises(BadConfig, match="holdout_days"):
        Window(train_days=28, holdout_days=0)
    with pytest.raises(BadConfig, match="quantity"):
        Resources(memory="1 GB")
    with pytest.raises(BadConfig, match="quantity of CPUs"):
        Resources(cpu_limit="512Mi")
    with pytest.raises(BadConfig, match="no IANA time zone"):
        Schedule(timezone="Mars/Base")
    with pytest.raises(BadConfig, match="five fields"):
        Schedule(cron="nightly")
    with pytest.raises(BadConfig, match="timeout"):
        Resources(timeout=timedelta(seconds=5))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://lake/{hour}/{night}/",
        "s3://lake/{night!r}/",
        "s3://lake/{night:>9}/",
        "s3://lake/{}/{night}/",
        "s3://lake/{{x}}/{night}/",
        "s3://lake/{night}/{/",
        "s3://{night}/x/",
        "s3:///lake/{night}/",
        "s3://La ke/{night}/",
        "s3://lake//a/{night}/",
        "s3://lake/../{night}/",
        "s3://lake/a b/{night}/",
        "s3://lake/*/{night}/",
        "gs://lake/{night}/",
        "s3://lake/{night}/x",
    ],
)
def test_an_address_that_no_night_has_is_refused_when_the_definition_loads(uri: str) -> None:
    with pytest.raises(BadConfig, match="must look like s3://bucket/path/date="):
        Dataset(name="flights", uri=uri)


def test_static_table_of_metrics_is_that_of_the_core() -> None:
    of_the_core = {task: {m.name for m in METRICS.values() if m.task == task} for task in METRICS_OF}
    assert of_the_core == {task: set(names) for task, names in METRICS_OF.items()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "regresion"}, "task='regresion' must be one of 'classification', 'regression'"),
        ({"task": "regression"}, "gate metric 'log_loss' does not exist for regression: use one of rmse, mae"),
        ({"key": "id"}, r"""Model key='id' must be a tuple of texts: write \("id",\)"""),
        ({"key": ["id"]}, "must be a tuple of texts: write it in round brackets"),
        ({"key": ("id", "id")}, "key names id more than once"),
        ({"key": ("",)}, "holds an empty name"),
        ({"key": (1,)}, "must be a tuple of texts"),
        ({"tags": "flights"}, "must be a tuple of texts"),
        ({"min_matched_share": 1.5}, "min_matched_share must lie between 0 and 1"),
        ({"min_matched_share": -0.1}, "min_matched_share must lie between 0 and 1"),
        ({"min_matched_share": float("nan")}, "min_matched_share=nan must be a number"),
        ({"min_matched_share": "0.9"}, "must be a number: write it without quotes"),
        ({"replay": "yes"}, "replay='yes' must be True or False"),
        ({"approval": "robot"}, "must be one of 'automatic', 'human'"),
        ({"resources": {"train": "1Gi"}}, "must be a mapping of texts to Resources"),
        ({"gate": None}, "gate=None must be a Gate"),
        ({"approval_timeout": 12}, "must be a timedelta"),
        ({"context": Dataset(name="w", uri="s3://lake/w/{night}/")}, "must be a tuple of Dataset"),
        ({"context": (Dataset(name="flights", uri="s3://lake/w/{night}/"),)}, "dataset names names flights more"),
        (
            {"context": (Dataset(name="w", uri="s3://lake/flights/date={night}/w/"),)},
            "partitions of w lie within those of flights",
        ),
    ],
)
def test_a_field_of_another_type_or_value_is_refused_when_the_definition_loads(
    changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadConfig, match=message):
        replace(catalog.load_model("flights"), **changed)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Gate, {"metric": "accuracy", "floor": 0.5}, "gate metric 'accuracy' does not exist: use one of roc_auc"),
        (Gate, {"metric": "mae", "floor": float("nan")}, "floor=nan must be a number"),
        (Gate, {"metric": "mae", "floor": float("inf")}, "floor=inf must be a number"),
        (Gate, {"metric": "mae", "floor": "1"}, "write it without quotes"),
        (Gate, {"metric": "mae", "floor": 1, "slices": "region"}, r"""write \("region",\)"""),
        (Gate, {"metric": "mae", "floor": 1, "slices": ("a", "a")}, "gate slices names a more than once"),
        (Gate, {"metric": "mae", "floor": 1, "min_slice_rows": 0}, "min_slice_rows must be at least 1"),
        (Gate, {"metric": "mae", "floor": 1, "max_calibration_gap": -1}, "max_calibration_gap must be above 0"),
        (Gate, {"metric": "mae", "floor": 1, "confidence": True}, "confidence=True must be a number"),
        (Window, {"train_days": "28", "holdout_days": 9}, "train_days='28' must be a whole number"),
        (Window, {"train_days": True, "holdout_days": 9}, "must be a whole number"),
        (Window, {"train_days": 2.5, "holdout_days": 9}, "must be a whole number"),
        (Dataset, {"name": "a", "uri": "s3://lake/{night}/", "key": "id"}, r"""write \("id",\)"""),
        (Dataset, {"name": "a", "uri": "s3://lake/{night}/", "suite": 1}, "must be a text or None"),
        (Dataset, {"name": 1, "uri": "s3://lake/{night}/"}, "Dataset name=1 must be a text"),
        (Resources, {"timeout": 30}, "timeout=30 must be a timedelta"),
        (Resources, {"cpu": 1}, "cpu=1 must be a text"),
        (Schedule, {"days": "7"}, "days '7' must be a whole number"),
    ],
)
def test_each_part_of_a_definition_checks_its_types(
    kind: Callable[..., object], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadConfig, match=message):
        kind(**fields)


def test_a_definition_that_python_cannot_load_is_refused_with_python_s_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "definition.py").write_text(
        "from nightshift.definition import Model\nMODEL = Model(nme='x')\n"
    )
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    with pytest.raises(BadConfig, match=r"models/broken/definition.py cannot be loaded: TypeError: .*nme"):
        catalog.load_model("broken")


@pytest.mark.parametrize("name", catalog.list_names())
def test_every_model_of_this_project_loads_and_is_whole(name: str) -> None:
    model = catalog.load_model(name)
    assert model.name == name
    with pytest.raises(BadConfig, match="unknown steps"):
        replace(model, resources={"trian": Resources()})


def test_a_holdout_on_which_no_challenger_could_ever_win_is_refused() -> None:
    for days in (1, 7):
        model = replace(
            catalog.load_model("flights"),
            schedule=Schedule(days=days),
            window=Window(train_days=28, holdout_days=FEWEST_PERIODS * days),
        )
        with pytest.raises(BadConfig, match=rf"flights: holdout_days={3 * days} is too short .* at least {4 * days}"):
            replace(model, window=Window(train_days=28, holdout_days=(FEWEST_PERIODS - 1) * days))


def test_there_is_a_model() -> None:
    assert "flights" in catalog.list_names()


def test_an_unknown_model_is_named_with_those_that_exist() -> None:
    with pytest.raises(BadConfig, match=r"no model 'flihgts'; known: .*flights"):
        catalog.load_model("flihgts")


def test_every_suite_that_a_model_names_exists() -> None:
    suites = Path(__file__).parents[2] / "great_expectations" / "suites"
    named = {dataset.suite for model in catalog.load_all_models() for dataset in model.datasets if dataset.suite}
    assert named
    assert {suite for suite in named if not (suites / f"{suite}.json").is_file()} == set()


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("shop", r'must be a tuple of texts: write \("shop",\)'),
        (("shop", ""), "key holds an empty name"),
        (("shop", 1), "must be a tuple of texts"),
        (["shop"], "must be a tuple of texts: write it in round brackets"),
    ],
)
def test_a_key_that_is_no_tuple_of_names_is_refused(key: object, sentence: str) -> None:
    with pytest.raises(BadConfig, match=sentence):
        Dataset(name="sales", uri="s3://lake/sales/{night}/", key=key)  # type: ignore[arg-type]


def test_a_key_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(BadConfig, match="names shop more than once"):
        Dataset(name="sales", uri="s3://lake/sales/{night}/", key=("shop", "shop"))


def test_facts_and_what_is_scheduled_have_the_models_key_unless_they_have_their_own() -> None:
    model = catalog.load_model("flights")
    bare = replace(model, facts=replace(model.facts, key=()), context=(replace(model.context[0], key=()),))
    assert bare.get_key(bare.facts) == model.key
    assert bare.get_key(bare.context[0]) == ()
    assert model.get_key(model.context[0]) == ("origin", "time_hour")
