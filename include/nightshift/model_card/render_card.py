"""Renders a model card: as the body of a page, as a page of its own, as Markdown, and as the summary that MLflow shows.

HTML has no script and, as a page of its own, refers to nothing else. Every value is escaped on its way out, in Markdown
as well, whatever a template does with it.
"""

import base64
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from nightshift.model_card import sentences
from nightshift.model_card.card import ModelCard
from nightshift.model_card.links import Links
from nightshift.model_card.partition_table import build_grid

FOLDER = Path(__file__).parent / "templates"
STYLE = FOLDER / "card.css"
SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
SPACE = re.compile(r"\s+")
FILTERS = (
    sentences.format_instant,
    sentences.format_number,
    sentences.count,
    sentences.share,
    sentences.format_nights,
    sentences.describe_decision,
    sentences.describe_cause,
)


def render_body(card: ModelCard, links: Links, pictures: Mapping[str, str]) -> Markup:
    """The model card as HTML for a page that has `card.css`. `pictures`: the address of each picture by its name."""
    template = _build_environment(".html").get_template("body.html")
    return Markup(template.render(**_build_values(card, links, pictures)))  # noqa: S704 - the template escapes every value


def render_page(card: ModelCard, links: Links, pictures: Mapping[str, bytes]) -> bytes:
    """The model card as one HTML file with its style and its pictures (PNG by name) in it."""
    inlined = {name: f"data:image/png;base64,{base64.b64encode(data).decode()}" for name, data in pictures.items()}
    style = Markup(STYLE.read_text())  # noqa: S704 - our own file
    template = _build_environment(".html").get_template("page.html")
    return template.render(style=style, **_build_values(card, links, inlined)).encode()


def render_markdown(card: ModelCard, links: Links) -> str:
    """The model card as Markdown; pictures are links to MLflow, where its address is known."""
    pictures = {name: links.link_artifact(card.origin, f"pictures/{name}") for name in card.pictures}
    return _tidy(_build_environment(".md").get_template("card.md").render(**_build_values(card, links, pictures)))


def render_summary(card: ModelCard, links: Links, most: int) -> str:
    """The version's description in MLflow, Markdown of at most `most` characters; its end says where the rest is."""
    values = _build_values(card, links, {})
    template = _build_environment(".md")
    end = _tidy(template.get_template("rest.md").render(**values))
    begin = _tidy(template.get_template("summary.md").render(**values)).rstrip()
    room = most - len(end) - 3
    return f"{begin if len(begin) <= room else begin[: room - 1].rsplit(' ', 1)[0] + '…'}\n\n{end}"


def _build_values(card: ModelCard, links: Links, pictures: Mapping[str, str]) -> dict[str, Any]:
    return {
        "card": card,
        "links": links,
        "pictures": pictures,
        "grid": build_grid(card.data),
        "opening": sentences.build_opening(card),
        "evaluated": card.evaluated,
        "verdict": card.evaluated.verdict if card.evaluated else None,
        "get_low": sentences.get_low,
        "get_high": sentences.get_high,
        "describe_relation": sentences.describe_relation,
        "state_label": sentences.STATE_LABELS[card.state],
        "missing": sentences.MISSING,
    }


@cache
def _build_environment(kind: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.finalize = _escape_markdown if kind == ".md" else None
    environment.filters.update({function.__name__: function for function in FILTERS})
    environment.filters["address"] = _escape_address
    return environment


def _escape_markdown(value: Any) -> Markup:
    """A value as Markdown that means nothing but its characters; what a macro made is Markdown already."""
    if isinstance(value, Markup):
        return value
    text = sentences.clean_text(SPACE.sub(" ", str(value)))  # `nightshift explain` shows it in a terminal
    return Markup(SPECIAL.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;")))  # noqa: S704 - escaped here


def _escape_address(url: str) -> Markup:
    """An address for a Markdown link: what could end it is encoded."""
    safe = re.sub(r"[\s<>()\"'\\`|\[\]]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), str(url))
    return Markup(safe.replace("&", "&amp;"))  # noqa: S704 - escaped here


def _tidy(text: str) -> str:
    """Without the blank lines that the blocks of a template leave behind."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
