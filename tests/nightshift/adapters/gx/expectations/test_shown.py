"""What is left of HTML shows and does nothing else."""

from html.parser import HTMLParser

import pandas as pd
import pytest

from nightshift.adapters.gx.expectations.checking import check
from nightshift.adapters.gx.expectations.shown import ATTRIBUTES, clean_html
from nightshift.adapters.gx.suites import Suite


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>a<script>alert(1)</script>b</p>", "<p>ab</p>"),
        ("<p onclick='x()' class=c style='x:url(//e)'>a</p>", '<p class="c">a</p>'),
        ("<a href='https://elsewhere'>a</a><a href='#there'>b</a>", '<a>a</a><a href="#there">b</a>'),
        ("<a href='javascript:alert(1)'>a</a>", "<a>a</a>"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<link rel=stylesheet href=//cdn/x.css><meta http-equiv=refresh content=0>a", "a"),
        ("<svg onload=alert(1)><a>x</a></svg>a", "a"),
        ("<iframe srcdoc='<script>1</script>'></iframe>a", "a"),
        ("<form action=//e><input name=p><button>x</button></form>a", "a"),
        ("<script/>alert(1)</script>a", "alert(1)a"),
        ("a<br>b<br/>c", "a<br>b<br>c"),
        ("1 &lt; 2 &amp; <b>&quot;</b>", '1 &lt; 2 &amp; <b>"</b>'),
        ("<!--[if IE]><script>1</script><![endif]-->a", "a"),
        ("<script>a", ""),
        ('<b title="&quot; onload=&quot;x">a</b>', '<b title="&quot; onload=&quot;x">a</b>'),
    ],
)
def test_only_what_shows_is_left(html: str, left: str) -> None:
    assert clean_html(html) == left


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class _Markup(HTMLParser):
    """Collects the elements and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.references: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.references |= {value or "" for name, value in attrs if name in {"href", "src"}}


def _body(**more: object) -> str:
    columns = {"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": ["a"], "exact_match": True}}
    in_set = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": HOSTILE, "value_set": [HOSTILE]}}
    noted = {"type": "expect_column_to_exist", "kwargs": {"column": "b"}, "notes": HOSTILE, **more}
    suite = Suite("hostile", {"expectations": [columns, in_set, noted]}, "0")
    return check(suite, pd.DataFrame({HOSTILE: ["x"], "a": [1]}), {}).body


@pytest.mark.parametrize("more", [{}, {"description": HOSTILE}])
def test_hostile_names_in_the_data_or_the_suite_run_nothing(more: dict[str, str]) -> None:
    observed = _Markup(_body(**more))
    assert not observed.tags & {"script", "img"}
    assert observed.attributes <= ATTRIBUTES
    assert all(reference.startswith("#") for reference in observed.references)
    assert "&lt;script&gt;" in _body()


def test_the_page_has_the_markup_that_its_style_expects() -> None:
    assert {"table", "td", "h5"} <= _Markup(_body()).tags
