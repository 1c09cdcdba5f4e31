"""What an approval request shows: every number of the verdict, and nothing that the record could draw into the page."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nightshift.core.verdict import Check, SliceGain
from nightshift.promotion.approval import digest_record
from nightshift.result_parts import LeftOutNight
from nightshift_airflow.operators.approval_request import ApprovalRequest, find_refusal, make_request
from support import airflow_environment  # noqa: F401  # before anything imports airflow
from support.verdicts import build_verdict, evaluation

DAY = date(2013, 2, 9)
OUR_LINKS = {
    "/nightshift/runs/flights/2013-02-09/evaluate",
    "/nightshift/versions/flights/8",
    "/nightshift/mlflow/flights/2013-02-09",
    "/nightshift/docs/flights/2013-02-09",
    "/nightshift/history/flights",
}


def request_approval(**detail: Any) -> ApprovalRequest:
    return make_request("Late arrivals", "flights", DAY, evaluation(**detail))


def drawn(body: str) -> list[Any]:
    """The inline elements of a page made from Markdown, as a browser would get them."""
    renderer = MarkdownIt("commonmark").enable("table")
    return [child for block in renderer.parse(body) for child in (block.children or [block])]


def text(body: str) -> str:
    """What is read of it."""
    return " ".join(element.content for element in drawn(body) if element.type in ("text", "softbreak"))


def test_it_names_both_versions_and_the_night() -> None:
    assert request_approval().subject == "flights 2013-02-09: may version 8 replace champion 7?"
    assert (
        request_approval(champion_version=None).subject
        == "flights 2013-02-09: may version 8 become the first champion?"
    )


def test_it_is_about_every_number_of_the_record_and_not_only_about_its_key() -> None:
    assert request_approval().about == digest_record(evaluation())
    assert (
        len({request_approval(**more).about for more in ({}, {"challenger_version": 6}, {"seed": 2}, {"rows": 7513})})
        == 4
    )
    assert request_approval(reused=True).about == request_approval().about


@pytest.mark.parametrize(
    "shown",
    [
        "Late arrivals",
        "Challenger: version 8.",
        "Champion: version 7, trained for 2013-02-01.",
        "log_loss",
        "0.5210",
        "0.5287",
        "+0.0077",
        "+0.0021 to +0.0133",
        "99 % confidence",
        "log loss 0.5210 must lie below the floor 0.75",
        "a gain of +0.0077; at 99 % confidence at least +0.0021",
        "origin EWR",
        "3100",
        "origin TTN",
        "too little to decide",
        "7512 rows of 3 nights, 2013-01-31 to 2013-02-02",
        "2013-01-30: its validation failed",
    ],
)
def test_every_number_and_sentence_is_read(shown: str) -> None:
    assert shown in text(request_approval().body)


def test_without_a_champion_nothing_is_compared() -> None:
    alone = build_verdict(champion=None, gain=None, interval=None, slices=())
    read = text(request_approval(champion_version=None, champion_night=None, verdict=alone).body)
    assert "There is no champion to beat." in read
    assert "bounds" not in read


def test_its_links_are_those_of_the_night_and_the_version() -> None:
    assert links(request_approval().body) == OUR_LINKS


def links(body: str) -> set[str]:
    return {str(element.attrs["href"]) for element in drawn(body) if element.type == "link_open"}


HOSTILE = [
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<https://evil.example>",
    "a | b | c",
    "# heading\n\n* item",
    "`code` **bold** _em_ ~~gone~~",
    "\\[click\\](https://evil.example)",
    "&lt;b&gt;",
    "---\n===",
]


def make_request_of(text_in_record: str) -> ApprovalRequest:
    """A verdict whose every text is `text_in_record`, and so is the title."""
    checks = (Check(text_in_record, True, text_in_record),)
    groups = (SliceGain(slice=text_in_record, group=text_in_record, rows=1, gain=0.1, low=0.0, high=0.2),)
    decided = build_verdict(metric=text_in_record, reason=text_in_record, checks=checks, slices=groups)
    left = (LeftOutNight(night=DAY, reason=text_in_record),)
    return make_request(text_in_record, "flights", DAY, evaluation(verdict=decided, left_out=left))


@pytest.mark.parametrize("text_in_record", HOSTILE)
def test_the_record_draws_nothing_into_the_page(text_in_record: str) -> None:
    hostile = make_request_of(text_in_record)
    body = hostile.body
    assert hostile.subject.startswith("flights 2013-02-09: may version 8")
    assert links(body) == OUR_LINKS
    kinds = {element.type for element in drawn(body)}
    assert not kinds & {"image", "html_inline", "html_block", "heading_open", "code_inline", "em_open", "fence", "hr"}
    assert " ".join(text_in_record.split()) in text(body)


@given(st.text(max_size=80))
def test_whatever_the_record_says_is_read_letter_by_letter(text_in_record: str) -> None:
    body = make_request_of(text_in_record).body
    assert links(body) == OUR_LINKS
    assert not {element.type for element in drawn(body)} & {"image", "html_inline", "html_block", "code_inline"}


def test_long_lists_are_cut_and_say_so() -> None:
    groups = tuple(SliceGain(slice="o", group=str(n), rows=1, gain=0.1, low=0.0, high=0.2) for n in range(200))
    left = (LeftOutNight(night=DAY, reason="r" * 5000),) * 200
    body = request_approval(verdict=build_verdict(slices=groups), left_out=left).body
    assert "160 groups more" in body
    assert "180 more" in body
    assert len(body) < 40_000


def test_a_refusal_is_said_in_the_gate_s_words() -> None:
    assert find_refusal(evaluation()) is None
    refused = find_refusal(evaluation(verdict=build_verdict(promote=False)))
    assert refused == ("the gate refused, so there is nothing to approve: log loss 0.5400 must lie below the floor")
