"""A model card as HTML and Markdown: everything is in it, nothing of it means more than its characters."""

import dataclasses
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.model_card import render_card
from nightshift.model_card.card import Check, Data, ModelCard, Origin, Partition, Scored
from nightshift.model_card.champion_periods import list_decisions, list_periods
from nightshift.model_card.links import Links
from nightshift.result_parts import Decision
from support.version_records import PNG, build_entry, build_verdict, record

LINKS = Links(view="https://airflow.example/nightshift", airflow="https://airflow.example", mlflow="https://ml.example")
PAGE = f"docs/flights/2013-02-02/flights/{'0' * 20}/index.html"
CANARY = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) `b` **c** | d\n# e & ~~f~~ \"g' $h$ <script>i</script>"


def make_card(**changes: Any) -> ModelCard:
    """A model card in which every section has something to say."""
    run = record().run
    assert run is not None
    said = Decision(outcome="approved", by="Ann", about="a" * 20, at="2013-03-02T06:00:00+00:00")
    said = dataclasses.replace(said, reason="a calm week")
    cause = Cause(by="flights_nightly:manual__1", kind="manual", user="Ben", backfill="12", image="steps@sha256:1")
    entries = [
        build_entry("promotion", 2, 2, previous=1, decision=said, cause=cause, number=4, verdict=build_verdict()),
        build_entry("set_champion", 1, 1, previous=2, withdraws=2, withdrawn=(2,), number=5),
    ]
    check = Check(rows=842, expectations=26, failed=2, page=PAGE, corrupted=True, same=False)
    partition = Partition(
        uri="s3://lake/flights/date=2013-02-02/",
        dataset="flights",
        date="2013-02-02",
        digest="abc",
        judged="xyz",
        check=check,
    )
    unchecked = dataclasses.replace(partition, uri="s3://lake/weather/", dataset="weather", date="", check=None)
    fields: dict[str, Any] = {
        "model": "flights",
        "number": 2,
        "collected": "2013-03-10T00:00:00+00:00",
        "night": "2013-02-02",
        "state": "withdrawn",
        "data": Data(
            partitions=(partition, unchecked),
            train_nights=("2013-01-30", "2013-01-31"),
            holdout_nights=("2013-02-01", "2013-02-02"),
            compared_nights=("2013-02-02",),
            left_out=(("2013-01-29", "it was never validated"),),
            rows=4321,
            holdout_rows=1234,
            positive_rate=0.25,
        ),
        "origin": Origin(
            code_version="v1",
            model_code="folder-7",
            image="steps@sha256:1",
            caused_by="flights_nightly:manual__1",
            run_id="f" * 32,
            experiment="7",
            run_status="FINISHED",
            artifact_sha256="5" * 64,
            environment=run.environment,
            params=run.params,
            tags={"nightshift.night": "2013-02-02"},
        ),
        "metrics": {"log_loss": 0.5125},
        "pictures": ("verdict.png", "roc.png"),
        "evaluated": build_verdict(),
        "evaluated_from": "entry 4 of the ledger",
        "decisions": list_decisions(entries, 2),
        "periods": list_periods(entries, 2),
        "scored": (Scored(night="2013-02-03", rows=700, published="", attempt="a1", manifest="s3://m", replaced_by=1),),
        "notes": ("something is odd",),
        "copied": "2013-03-09T00:00:00+00:00",
    }
    return ModelCard(**{**fields, **changes})


EMPTY = ModelCard(model="flights", number=2, collected="", night="", state="unknown")
EVERYTHING = (
    *("flights", "withdrawn", "2013-02-02", "4,321", "2013-01-29", "it was never validated", "abc", "xyz", "24/26"),
    *("+0.0250", "+0.0125", "+0.0375", "better by far", "carrier", "UA", "0.5125", "approved by Ann", "Ben"),
    "“a calm week”",
    *(
        "backfill 12",
        "the reason of promotion 2",
        "the reason of set_champion 1",
        "version 1",
        "steps@sha256:1",
        "v1",
        "folder-7",
    ),
    *("Forest", "numpy==2.0", "s3://m", "scored again", "Something is odd", "f" * 32, "5" * 64, "77", "2013-03-09"),
    *("entry 4 of the ledger", "is as it was on"),
)


class Document(HTMLParser):
    """What an HTML page is made of: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(card: ModelCard, links: Links = LINKS) -> Document:
    return Document(render_card.render_page(card, links, {"verdict.png": PNG}).decode())


def plain(text: str) -> str:
    """Markdown without its escapes."""
    return re.sub(r"\\(.)", r"\1", text).replace("&lt;", "<").replace("&amp;", "&")


@pytest.mark.parametrize("said", EVERYTHING)
def test_both_tell_everything(said: str) -> None:
    assert said in page(make_card()).text
    assert said.lower() in plain(render_card.render_markdown(make_card(), LINKS)).lower()


def test_what_is_not_on_record_is_said_and_never_guessed() -> None:
    assert page(EMPTY).text.count("not recorded") >= 12
    assert render_card.render_markdown(EMPTY, LINKS).count("not recorded") >= 12
    for said in ("It never was champion", "No decision about it", "No verdict on it", "No predictions of it"):
        assert said in page(EMPTY).text
        assert said in render_card.render_markdown(EMPTY, LINKS)


def test_links_lead_to_the_pages_of_airflow_and_mlflow() -> None:
    addresses = [str(attributes["href"]) for tag, attributes in page(make_card()).tags if tag == "a"]
    assert f"https://airflow.example/nightshift/docs/flights/2013-02-02/flights/{'0' * 20}" in addresses
    assert "https://airflow.example/nightshift/versions/flights/1" in addresses
    assert "https://airflow.example/dags/flights_nightly/runs/manual__1" in addresses
    assert f"https://ml.example/#/experiments/7/runs/{'f' * 32}" in addresses
    text = render_card.render_markdown(make_card(), LINKS)
    assert f"(https://ml.example/#/experiments/7/runs/{'f' * 32}/artifacts/pictures/roc.png)" in text
    assert all(
        address in text for address in addresses if "/runs/flights/" not in address and "/#/models" not in address
    )


def test_without_addresses_there_are_no_links() -> None:
    assert not [tag for tag, _ in page(make_card(), Links()).tags if tag == "a"]
    assert "](" not in render_card.render_markdown(make_card(), Links())


def test_a_page_refers_to_nothing_else_and_has_no_script() -> None:
    document = page(make_card())
    assert {tag for tag, _ in document.tags} & {"script", "link", "iframe", "object", "form", "base"} == set()
    sources = [str(attributes["src"]) for tag, attributes in document.tags if tag == "img"]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,iVBORw0KGgo")
    assert not [name for _, attributes in document.tags for name in attributes if name.startswith("on")]
    assert "url(" not in render_card.STYLE.read_text()
    assert "@import" not in render_card.STYLE.read_text()


def _poisoned(value: Any, names: tuple[str, ...] = ()) -> Any:
    """The same thing with the canary in place of every text that is no choice of ours."""
    if isinstance(value, str):
        return CANARY
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        remaining = {"state", "kind", "relation", "outcome", *names}
        inner = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **{n: v if n in remaining else _poisoned(v) for n, v in inner.items()})
    if isinstance(value, Mapping):
        return {name: _poisoned(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_poisoned(item) for item in value)
    return value


def _hostile() -> ModelCard:
    card: ModelCard = _poisoned(make_card())
    names = {CANARY: "0.5"}
    origin = dataclasses.replace(card.origin, params=names, tags=names)
    return dataclasses.replace(card, origin=origin, metrics={CANARY: 0.5})


def test_no_text_of_a_record_reaches_a_terminal_as_a_command() -> None:
    assert "Odd ?[2J?1m." in plain(render_card.render_markdown(make_card(notes=("Odd \x1b[2J\x9b1m.",)), LINKS))


@pytest.mark.parametrize("links", [LINKS, Links()])
def test_no_text_of_a_record_becomes_markup_in_html(links: Links) -> None:
    honest, hostile = page(make_card(), links), page(_hostile(), links)
    assert hostile.text.count("<script>i</script>") > 40
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in honest.tags}
    assert not [name for _, attributes in hostile.tags for name in attributes if name.startswith("on")]
    for tag, attributes in hostile.tags:
        if tag == "a":
            assert str(attributes["href"]).startswith("https://")


@pytest.mark.parametrize("links", [LINKS, Links()])
def test_no_text_of_a_record_becomes_markup_in_markdown(links: Links) -> None:
    for text in (render_card.render_markdown(_hostile(), links), render_card.render_summary(_hostile(), links, 50_000)):
        assert text.count("onerror") > 5
        assert "<" not in text
        assert "](javascript" not in re.sub(r"\\.", "", text)
        assert not re.search(r"(?<!\\)`", text)
        assert not re.search(r"(?m)^#+ e", text)
        for row in re.findall(r"(?m)^\|.*$", text):
            assert row.endswith("|")
        assert re.findall(r"\]\(((?!https://)[^)]*)\)", re.sub(r"\\.", "", text)) == []


@pytest.mark.parametrize("card", [make_card(), _hostile(), EMPTY])
def test_tables_of_markdown_keep_their_columns_whatever_is_in_them(card: ModelCard) -> None:
    tables = re.findall(r"(?m)(?:^\|.*\n)+", render_card.render_markdown(card, LINKS))
    assert len(tables) >= 2
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


@pytest.mark.parametrize("most", [600, 1000, 4900])
def test_the_summary_is_never_longer_than_its_limit_and_says_where_the_rest_is(most: int) -> None:
    long = dataclasses.replace(make_card(), notes=(), decisions=make_card().decisions * 200)
    text = render_card.render_summary(long, LINKS, most)
    assert most - 200 < len(text) <= most
    assert "model-card.html" in text[-400:]
    assert "nightshift explain flights 2" in text
    assert text.startswith("**flights version 2: withdrawn**")


def test_a_short_summary_is_whole() -> None:
    text = render_card.render_summary(make_card(), LINKS, 4900)
    assert "…" not in text
    assert "the reason of set" in text


def _scored(*standing: bool) -> ModelCard:
    one = make_card().scored[0]
    created = (dataclasses.replace(one, replaced_by=None if stands else 1) for stands in standing)
    return make_card(scored=tuple(created), state="replaced")


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (_scored(), "No predictions of it are on record."),
        (_scored(True), "Its predictions stand for 1 night."),
        (_scored(True, True, False), "Its predictions stand for 2 nights; those of 1 more were made again since."),
        (_scored(False), "It scored 1 night, and none of its predictions stand: they were made again since."),
        (dataclasses.replace(_scored(True), state="withdrawn"), "Its predictions still stand for 1 night."),
    ],
)
def test_what_became_of_its_predictions_is_one_sentence(card: ModelCard, said: str) -> None:
    assert said in page(card).text
