"""The view in a real API server: who is let in, what every response says, and that the plugin is there."""

import json
from urllib.parse import quote

import pytest

from nightshift import catalog
from support.version_records import PNG
from support.view_server import CHECK, HOSTILE, RUN, Server, find_login

NIGHT = "/nightshift/docs/flights/2013-02-09"
PAGES = [
    "/nightshift/docs",
    NIGHT,
    f"{NIGHT}/flights/{CHECK}",
    f"{NIGHT}/flights/{CHECK}/page",
    "/nightshift/runs/flights/2013-02-09/validate",
    "/nightshift/runs/flights/2013-02-09/train?raw=true",
    "/nightshift/style.css",
    "/nightshift/history",
    "/nightshift/history/flights?before=3",
    *(f"/nightshift/history/{name}" for name in catalog.list_names()),
    "/nightshift/versions/flights/2",
    "/nightshift/versions/flights/3",
    "/nightshift/versions/flights/2/verdict.png",
    "/nightshift/card.css",
]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("user", ["admin", "analyst"])
def test_every_page_opens_for_whoever_is_logged_in(filled: Server, path: str, user: str) -> None:
    assert filled.get(path, user).status == 200


@pytest.mark.parametrize("path", [*PAGES, "/nightshift/mlflow/flights/2013-02-09", "/nightshift/"])
def test_a_browser_without_a_login_is_led_to_it(filled: Server, path: str) -> None:
    reply = filled.get(path)
    assert reply.status == 307
    assert reply.headers["location"] == find_login(path)
    assert "flights" not in reply.text


@pytest.mark.parametrize("path", PAGES)
def test_a_program_without_a_login_is_told_so(filled: Server, path: str) -> None:
    reply = filled.get(path, Accept="application/json")
    assert reply.status == 401
    assert "log in" in reply.text


@pytest.mark.parametrize("token", ["", "rubbish", "a.b.c"])
def test_a_forged_cookie_is_no_login(filled: Server, token: str) -> None:
    assert filled.get("/nightshift/docs", Cookie=f"_token={token}").status == 307


def test_the_token_of_a_program_is_a_login(filled: Server) -> None:
    token = filled.read_token("analyst")
    assert filled.get("/nightshift/docs", Authorization=f"Bearer {token}").status == 200


def test_a_stored_page_is_forbidden_everything(filled: Server) -> None:
    reply = filled.get(f"{NIGHT}/flights/{CHECK}/page", "analyst")
    assert HOSTILE in reply.text
    policy = reply.headers["content-security-policy"].split("; ")
    assert policy[0] == "sandbox"
    assert "default-src 'none'" in policy
    assert not [rule for rule in policy if "script" in rule or "allow" in rule]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_stored_page_is_shown_in_a_frame_without_rights(filled: Server) -> None:
    reply = filled.get(f"{NIGHT}/flights/{CHECK}", "analyst")
    assert f'<iframe sandbox src="{NIGHT}/flights/{CHECK}/page"' in reply.text
    assert HOSTILE not in reply.text


@pytest.mark.parametrize("path", [path for path in PAGES if not path.endswith(("page", "true", "css", "png"))])
def test_our_own_pages_have_no_scripts_and_run_none(filled: Server, path: str) -> None:
    reply = filled.get(path, "analyst")
    assert "<script" not in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "script-src" not in reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "private, no-store"


def test_a_picture_of_a_version_is_a_picture_whatever_was_stored(filled: Server) -> None:
    reply = filled.read_raw("/nightshift/versions/flights/2/verdict.png", "analyst")
    assert (reply[0]["content-type"], reply[1]) == ("image/png", PNG)
    assert reply[0]["x-content-type-options"] == "nosniff"


def test_the_way_to_mlflow_is_the_run_of_the_night(filled: Server, mlflow_page: str) -> None:
    reply = filled.get("/nightshift/mlflow/flights/2013-02-09", "analyst")
    assert reply.status == 307
    assert reply.headers["location"] == f"{mlflow_page}/#/runs/{RUN}"


@pytest.mark.parametrize(
    "path",
    [
        "/nightshift/docs/flights/2013-02-10",
        "/nightshift/docs/flights/2013-02-30",
        "/nightshift/docs/flights/٢٠١٣-02-09",
        "/nightshift/docs/Flights/2013-02-09",
        "/nightshift/docs/flights/2013-02-09%0a",
        f"/nightshift/docs/flights/2013-02-09/..%2f..%2fruns/{CHECK}",
        "/nightshift/docs/flights/2013-02-09/flights/..%2f..%2f..%2f..%2fruns%2fflights",
        f"/nightshift/docs/flights/2013-02-09/flights/{CHECK.upper()}",
        f"/nightshift/docs/flights/2013-02-09/flights/{'0' * 20}/page",
        "/nightshift/runs/flights/2013-02-09/evaluate",
        "/nightshift/runs/flights/2013-02-09/..%2f..%2f..%2fledger%2fflights%2f000001",
        "/nightshift/runs/_index/2013-02-09/train",
        "/nightshift/mlflow/flights/2013-02-10",
        "/nightshift/docs?after=../../runs/x.json",
        "/nightshift/docs?model=../flights",
        "/nightshift/docs?outcome=both",
        "/nightshift/history/Flights",
        "/nightshift/history/flights?before=1",
        "/nightshift/history/flights?before=٣",
        "/nightshift/history/flights?before=-3",
        "/nightshift/history/..%2fdocs",
        "/nightshift/versions/flights/9",
        "/nightshift/versions/flights/0",
        "/nightshift/versions/flights/٢",
        "/nightshift/versions/flights/2%0a",
        "/nightshift/versions/flights/2/roc.png",
        "/nightshift/versions/flights/2/record.json",
        "/nightshift/versions/flights/2/..%2frecord.json",
        "/nightshift/nothing",
        "/nightshift/openapi.json",
    ],
)
def test_what_is_not_there_or_leads_elsewhere_is_a_page_that_says_so(filled: Server, path: str) -> None:
    reply = filled.get(quote(path, safe="/%?=.&"), "analyst")
    assert reply.status == 404
    assert "<h1>" in reply.text


def test_it_only_reads(filled: Server) -> None:
    cookie = {"Cookie": f"_token={filled.read_token('admin')}"}
    assert filled.ask("/nightshift/docs", cookie, b"x").status == 404


def test_airflow_lists_the_entries_of_its_menu(filled: Server) -> None:
    reply = filled.get("/api/v2/plugins", "admin")
    (ours,) = [plugin for plugin in json.loads(reply.text)["plugins"] if plugin["name"] == "nightshift"]
    fields = ("name", "href", "destination", "category", "url_route")
    assert [tuple(view[name] for name in fields) for view in ours["external_views"]] == [
        ("Promotions", "nightshift/history", "nav", "browse", None),  # no route: a tab of its own, no frame
        ("Data Docs", "nightshift/docs", "nav", "browse", None),
    ]
    errors = json.loads(filled.get("/api/v2/plugins/importErrors", "admin").text)
    assert errors["total_entries"] == 0
