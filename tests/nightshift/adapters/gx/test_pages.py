"""The HTML around a validation: it escapes what it is given and stands alone."""

from dataclasses import replace

from nightshift.adapters.gx.pages import Page, render_unreadable, report
from nightshift.core.check_failure import CheckFailure

PAGE = Page(
    model="flights",
    night="2013-02-09",
    dataset="schedule",
    partition="s3://lake/schedule/date=2013-02-10/",
    partition_night="2013-02-10",
    suite="schedule",
    key=("id",),
    rows=12345,
    expectations=20,
    failed=0,
)
HOSTILE = "<script>alert(1)</script>"


def test_the_banner_says_what_was_checked_and_how_it_ended() -> None:
    html = report(PAGE, "<p>the body</p>", []).decode()
    assert "schedule of 2013-02-10 passed" in html
    assert "12,345" in html
    assert "20 of 20 hold" in html
    assert "<p>the body</p>" in html
    assert "Corrupted on purpose" not in html


def test_failures_stand_above_the_report() -> None:
    html = report(
        replace(PAGE, failed=2), "", [CheckFailure("e", "a", "a: is wrong"), CheckFailure("e", None, HOSTILE)]
    ).decode()
    assert "schedule of 2013-02-10 failed" in html
    assert "<li>a: is wrong</li>" in html
    assert "18 of 20 hold" in html
    assert HOSTILE not in html


def test_a_corrupted_copy_says_what_was_altered() -> None:
    html = report(replace(PAGE, corrupted=("half of it is gone", HOSTILE)), "", []).decode()
    assert "<li>half of it is gone</li>" in html
    assert HOSTILE not in html


def test_what_could_not_be_read_says_what_was_found_expected_and_to_be_done() -> None:
    html = render_unreadable(replace(PAGE, rows=0, failed=20), HOSTILE).decode()
    assert "&lt;script&gt;" in html
    assert "Expected" in html
    assert "20 expectations must hold" in html
    assert "What to do" in html
    assert HOSTILE not in html


def test_a_page_loads_nothing_from_anywhere() -> None:
    for html in (report(PAGE, "", []).decode(), render_unreadable(PAGE, "gone").decode()):
        assert not [word for word in ("http:", "https:", "src=", "href=", "@import", "url(") if word in html]
