"""Reduces HTML to what only shows: no element or attribute that could run, load, or lead away."""

from html import escape
from html.parser import HTMLParser

DROPPED = frozenset({"script", "style", "iframe", "object", "form", "button", "svg", "math", "template", "noscript"})
NO_TAG = frozenset({"img", "input", "source", "track", "area", "link", "meta", "base", "embed"})
VOID = frozenset({"br", "hr", "col", "wbr"})
ATTRIBUTES = frozenset({"id", "class", "href", "colspan", "rowspan", "hidden", "aria-hidden", "title"})


def clean_html(html: str) -> str:
    """The same HTML with only the attributes of a short list, references within the page, and nothing of DROPPED."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return "".join(writer.parts)


class _Writer(HTMLParser):
    """Writes again what may stay; an element of DROPPED goes with all that is in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED:
            self._inside.append(tag)
        if not self._inside and tag not in NO_TAG:
            attributes = [
                _render_attribute(name, value or "") for name, value in attrs if _is_allowed(name, value or "")
            ]
            self.parts.append(f"<{tag}{''.join(attributes)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            if tag == self._inside[-1]:
                self._inside.pop()
        elif tag not in VOID | NO_TAG | DROPPED:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.parts.append(escape(data, quote=False))


def _render_attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value)}"'


def _is_allowed(name: str, value: str) -> bool:
    return name in ATTRIBUTES and (name != "href" or value.startswith("#"))
