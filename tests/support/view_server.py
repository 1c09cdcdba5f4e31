"""What the view shows in tests, and a real API server as a browser sees it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from nightshift.adapters.gx import data_docs
from nightshift.adapters.gx.data_docs import Entry
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.check_failure import CheckFailure
from nightshift.model_card import stored_record
from nightshift.result_parts import Decision, LeftOutNight
from nightshift.results import StepDetail, ValidateResult
from support import version_records
from support.stored_results import make_dataset, make_promotion, make_result, make_train_result

NIGHT = date(2013, 2, 9)
CHECK = "0123456789abcdef0123"
RUN = "f" * 32
HOSTILE = "<script>top.document.title='taken';document.title='taken'</script>"
LOADER = "<img src=x onerror=\"document.title='taken'\">"
PAGE = f"<!DOCTYPE html><html><body><h1>a stored page</h1>{HOSTILE}{LOADER}</body></html>"


def fill(store: ObjectStore) -> None:
    """A night that failed, of a model that exists, with a hostile page and results of two steps."""
    dataset = make_dataset(
        rows=684,
        expectations=26,
        failed=4,
        failures=(CheckFailure("e", None, HOSTILE),),
        page=f"{data_docs.check_folder('flights', NIGHT, 'flights', CHECK)}index.html",
        corrupted=True,
    )
    data_docs.publish(store, data_docs.check_folder("flights", NIGHT, "flights", CHECK), PAGE.encode(), dataset)
    data_docs.enter(store, build_entry(datasets=(dataset.summarize(),)))
    save(store, ValidateResult(datasets=(dataset,)), "rejected")
    save(store, make_train_result(run_id=RUN, left_out=(LeftOutNight(night=date(2013, 2, 8), reason=HOSTILE),)))
    save(store, make_promotion(ledger=store.build_uri("ledger/flights/000002.json")))
    decide(store)


def decide(store: ObjectStore) -> None:
    """Four decisions on the flights, the last by a person; hostile words in what people and programs may write."""
    reason, key = f"calm week {HOSTILE}", "a" * 20
    person = Decision(outcome="approved", by=f"Ann {HOSTILE}", about=key, at="2013-03-02T06:00:00+00:00", reason=reason)
    cause = Cause(by="flights_set_champion:manual__1", kind="manual", user=f"Ben {LOADER}")
    version_records.append(
        store,
        version_records.build_entry("promotion", 1, 1),
        version_records.build_entry(
            "promotion", 2, 2, previous=1, verdict=version_records.build_verdict(), decision=person
        ),
        version_records.build_entry("refusal", 3, 2, previous=2, reason=f"it lost {HOSTILE}"),
        version_records.build_entry(
            "set_champion", 1, 1, previous=2, withdraws=2, withdrawn=(2,), reason=f"wrong {LOADER}", cause=cause
        ),
    )
    record = version_records.record(2, tags={"nightshift.night": "2013-02-02", "note": HOSTILE})
    stored_record.keep(store, record, {"verdict.png": version_records.PNG})


def build_entry(night: date = NIGHT, **changes: Any) -> Entry:
    """An entry of the index."""
    fields: dict[str, Any] = {
        "model": "flights",
        "validation": "abc123",
        "outcome": "failed",
        "validated": "2026-01-02T03:04:05+00:00",
        "datasets": (),
    }
    return Entry(night=night.isoformat(), **{**fields, **changes})


def save(store: ObjectStore, detail: StepDetail, outcome: str = "done") -> None:
    """Stores the result of one step of the night."""
    step_results.save(store, make_result(detail, outcome=outcome, summary=f"the summary of {detail.verb} {HOSTILE}"))


@dataclass(frozen=True)
class Reply:
    """A reply of the server, redirects not followed."""

    status: int
    headers: dict[str, str]
    text: str


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Server:
    """A real API server with the plugin, its users, and the object store behind it."""

    url: str
    passwords: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, user: str | None = None, **headers: str) -> Reply:
        """GET as a browser does, with the cookie of a user who is logged in."""
        cookie = {"Cookie": f"_token={self.read_token(user)}"} if user else {}
        return self.ask(path, {"Accept": "text/html", **cookie, **headers})

    def read_raw(self, path: str, user: str) -> tuple[dict[str, str], bytes]:
        """Headers and bytes of a reply that is no text."""
        request = urllib.request.Request(self.url + path, headers={"Cookie": f"_token={self.read_token(user)}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - our own server
            return {name.lower(): value for name, value in reply.headers.items()}, reply.read()

    def read_token(self, user: str) -> str:
        """The token that Airflow's login gives."""
        if user not in self.tokens:
            body = json.dumps({"username": user, "password": self.passwords[user]}).encode()
            reply = self.ask("/auth/token", {"Content-Type": "application/json"}, body)
            self.tokens[user] = json.loads(reply.text)["access_token"]
        return self.tokens[user]

    def ask(self, path: str, headers: dict[str, str], body: bytes | None = None) -> Reply:
        """A request, a POST when it has a body."""
        request = urllib.request.Request(self.url + path, body, headers)  # noqa: S310 - our own server
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=60) as reply:
                return _reply(reply.status, reply)
        except urllib.error.HTTPError as error:
            return _reply(error.code, error)


def _reply(status: int, reply: Any) -> Reply:
    return Reply(
        status, {name.lower(): value for name, value in reply.headers.items()}, reply.read().decode(errors="replace")
    )


def find_login(next_path: str) -> str:
    """Where Airflow leads a browser that has to log in first."""
    return f"/api/v2/auth/login?{urlencode({'next': next_path})}"
