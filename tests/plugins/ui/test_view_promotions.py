"""What the pages of promotions say: the champion of each model, its ledger, the model card of a version."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient

from nightshift import catalog
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.alias_reports import AliasMove, report_move, report_problem
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.verdict import Check
from nightshift.model_card import stored_record
from nightshift.result_parts import JoinCounts
from nightshift.results import ValidateResult
from nightshift_airflow.ui import champion_status, docs, history, results, versions
from nightshift_airflow.ui.app import build_application
from support.stored_results import (
    make_evaluation,
    make_promotion,
    make_result,
    make_score,
    make_train_result,
    make_verdict,
)
from support.version_records import append, build_entry, get_night, record, save_result
from support.view_server import fill

Get = Callable[[str], str]


@pytest.fixture
def get(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Get]:
    """The text of a page, as somebody who may read every DAG sees it, under the path of a real server."""
    create_auth_manager()
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URL", "http://localhost:5999")
    for module in (docs, history, results, champion_status, versions):
        monkeypatch.setattr(module, "store", lambda: store)
    app = build_application()
    app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="someone", role="viewer")
    client = TestClient(app, root_path="/nightshift")
    yield lambda path: str(client.get(path).text)
    app.dependency_overrides.clear()


def _row(text: str, model: str) -> str:
    (row,) = [row for row in re.findall(r"(?s)<tr>.*?</tr>", text) if f"<b>{model}</b>" in row]
    return str(row)


def test_the_index_answers_in_one_glance(store: ObjectStore, get: Get) -> None:
    fill(store)
    row = _row(get("/history"), "flights")
    assert '<a href="/nightshift/versions/flights/1">version 1</a>' in row
    assert "night 2013-02-01" in row
    assert "by set champion" in row
    assert "2013-03-01 06:30" in row
    assert "✗ validate" in row
    assert "✓ train" in row
    assert "validate: the summary of validate" in row
    assert all("none yet" in _row(get("/history"), name) for name in catalog.list_names() if name != "flights")


def test_the_last_night_is_shown_by_what_promote_said_unless_something_went_wrong(store: ObjectStore, get: Get) -> None:
    for detail in (ValidateResult(datasets=()), make_train_result(), make_score()):
        save_result(store, get_night(7), detail)
    save_result(store, get_night(7), make_promotion(promoted=False), outcome="nothing_to_do")
    step_results.save(store, make_result(None, night=get_night(6), verb="train", outcome="failed"))
    row = _row(get("/history"), "flights")
    assert "promote: the summary of promote" in row
    assert "– promote" in row
    assert "2013-02-07" in row
    assert "✗" not in row


def test_a_champion_that_cannot_be_compared_is_shown_with_the_remedy(store: ObjectStore, get: Get) -> None:
    sentence = "the champion cannot be compared: it is gone. `nightshift set-champion` withdraws it"
    failed = Check("comparable", False, sentence)
    save_result(store, get_night(7), make_evaluation(make_verdict(False, checks=(failed,))))
    assert sentence in _row(get("/history"), "flights")
    assert sentence in get("/history/flights")
    save_result(store, get_night(7), make_evaluation(make_verdict(checks=(replace(failed, passed=True),))))
    assert sentence not in get("/history/flights")


def test_an_alias_that_was_moved_back_is_shown_with_the_command_until_the_champion_changes(
    store: ObjectStore, get: Get
) -> None:
    append(store, build_entry("promotion", 5, 5), build_entry("promotion", 6, 6))
    move = AliasMove(previous=5, champion=6, entry=2, when="2013-03-09T07:15:00+00:00")
    report_move(store, "flights", move)
    for text in (_row(get("/history"), "flights"), get("/history/flights")):
        assert "2013-03-09 07:15 UTC: the alias stood on version 5, the ledger says 6: moved back" in text
        assert "<code>nightshift set-champion flights 5 --reason …</code>" in text
    append(store, build_entry("promotion", 7, 7))
    assert "moved back" not in get("/history/flights")


def test_what_stops_the_sync_of_the_alias_is_shown_until_it_is_mended(store: ObjectStore, get: Get) -> None:
    append(store, build_entry("promotion", 5, 5))
    report_problem(store, "flights", "version 5 is not in MLflow")
    assert "version 5 is not in MLflow" in _row(get("/history"), "flights")
    report_problem(store, "flights", "")
    assert "not in MLflow" not in get("/history/flights")


def test_the_ledger_is_shown_newest_first_with_numbers_persons_and_ways_on(store: ObjectStore, get: Get) -> None:
    fill(store)
    text = get("/history/flights")
    assert re.findall(r'id="entry-(\d+)"', text) == ["4", "3", "2", "1"]
    assert "<b>+0.0250</b>" in text
    assert "+0.0125 to +0.0375" in text
    assert "approved by Ann" in text
    assert "“calm week &lt;" in text
    assert "asked for by Ben" in text
    assert 'href="/dags/flights_set_champion"' in text
    assert 'href="/dags/flights_set_champion/runs/manual__1"' in text
    assert 'href="/nightshift/versions/flights/2"' in text
    assert "The chain of digests holds from entry 1 to 4" in text
    assert "<script" not in text
    assert "<img" not in text


def test_a_link_around_a_mark_has_no_space_to_underline(store: ObjectStore, get: Get) -> None:
    fill(store)
    for path in ("/history", "/history/flights"):
        marked = re.findall(r'(?s)<a [^>]*>[^<]*<span class="mark.*?</a>', get(path))
        assert len(marked) == 3
        assert all(re.fullmatch(r"<a [^>]*><span [^>]*>[^<>]+</span></a>", link) for link in marked)


def test_a_long_ledger_comes_in_pages(store: ObjectStore, get: Get) -> None:
    append(store, *(build_entry("promotion", number % 28 + 1, number % 28 + 1) for number in range(60)))
    first = get("/history/flights")
    assert re.findall(r'id="entry-(\d+)"', first) == [str(number) for number in range(60, 10, -1)]
    assert 'href="/nightshift/history/flights?before=11"' in first
    second = get("/history/flights?before=11")
    assert re.findall(r'id="entry-(\d+)"', second) == [str(number) for number in range(10, 0, -1)]
    assert "Newest" in second
    assert "Older" not in second


def test_a_broken_chain_is_said_and_the_rest_is_shown(store: ObjectStore, get: Get) -> None:
    fill(store)
    ledger = Ledger(store, "flights")
    store.delete([ledger.build_uri(2)])
    text = get("/history/flights")
    assert "The chain of digests is broken: entry 2 is missing" in text
    assert re.findall(r'id="entry-(\d+)"', text) == ["4", "3", "1"]
    assert "digests holds" not in text
    store.put(ledger.build_uri(4), b"{")
    assert "entry 4 cannot be read" in get("/history")


def test_a_model_without_decisions_has_a_page_that_says_so(get: Get) -> None:
    assert "Nothing was decided yet" in get("/history/flights")


def test_the_card_is_made_from_the_copy_and_from_the_present_ledger(store: ObjectStore, get: Get) -> None:
    fill(store)
    text = get("/versions/flights/2")
    assert "withdrawn" in text
    assert "The data from MLflow is as it was on 2013-03-09" in text
    assert "Forest" in text
    assert '<img src="/nightshift/versions/flights/2/verdict.png"' in text
    assert f'href="http://localhost:5999/#/experiments/7/runs/{2:032x}"' in text
    assert 'href="/dags/flights_set_champion/runs/manual__1"' in text
    assert "<script" not in text
    assert "onerror=" not in re.sub(r"&lt;.*?&gt;", "", text)
    append(store, build_entry("set_champion", 2, 2, previous=1, withdraws=1, withdrawn=(1,)))
    assert "It is the champion since" in get("/versions/flights/2")


def test_the_card_of_a_version_without_a_copy_is_made_from_the_ledger(store: ObjectStore, get: Get) -> None:
    fill(store)
    text = get("/versions/flights/3")
    assert "it lost" in text
    assert "its parameters, pictures and environment are not recorded" in text
    stored_record.keep(store, replace(record(3), run=None), {})
    assert "The data from MLflow is as it was on" in get("/versions/flights/3")


def test_a_result_leads_to_the_card_and_to_the_entry(store: ObjectStore, get: Get) -> None:
    fill(store)
    text = get("/runs/flights/2013-02-09/promote")
    assert 'href="/nightshift/versions/flights/2"' in text
    assert 'href="/nightshift/history/flights#entry-2"' in text


def test_a_verdict_stands_before_the_digests_of_what_was_read(store: ObjectStore, get: Get) -> None:
    save_result(store, get_night(7), make_evaluation(inputs={"s3://lake/a/": "d1"}, challenger_version=8))
    text = get("/runs/flights/2013-02-07/evaluate")
    assert text.index(">verdict<") < text.index(">rows<") < text.index("s3://lake/a/")
    assert "Model card of version 8" in text


def test_the_joins_of_all_nights_are_one_table_with_a_row_per_night(store: ObjectStore, get: Get) -> None:
    counts = JoinCounts(
        night=get_night(5),
        scheduled=60,
        facts=60,
        matched=60,
        without_label=0,
        repeated=0,
        unmatched_scheduled=0,
        unmatched_facts=0,
        would_match={},
    )
    joins = (counts, replace(counts, night=get_night(6), matched=30, would_match={"case": 30}))
    save_result(store, get_night(7), make_evaluation(joins=joins))
    text = get("/runs/flights/2013-02-07/evaluate")
    assert text.count("<th>night</th><th>scheduled</th><th>facts</th><th>matched</th>") == 1
    assert text.count("<th>would match</th>") == 1
    assert "case: 30" in text
