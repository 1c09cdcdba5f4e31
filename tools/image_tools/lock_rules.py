"""Nothing is installed that is not pinned: the rules of the locks, of the Dockerfile and of the compose file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from image_tools.findings import Finding

PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[\w, .-]+\])?==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)(\s*;.*)?\Z"
)
DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")
RELOCK = "lock it with 'make lock'"


class _Compose(yaml.SafeLoader):
    """Reads Compose's own tags, such as `!override`, as the plain value that follows them."""


def _plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Compose.add_multi_constructor("!", _plain)


@dataclass(frozen=True)
class Pin:
    """A locked package: its normal name, its version, and the sha256 digests (hexadecimal) of the archives allowed."""

    name: str
    version: str
    digests: tuple[str, ...]


def pins(lock: str) -> list[Pin]:
    """Every well-formed pin in the text of a requirements file."""
    found = []
    for _, line in _logical_lines(lock):
        requirement = PIN.match(_requirement(line))
        if requirement:
            name = re.sub(r"[-_.]+", "-", requirement["name"]).lower()
            found.append(Pin(name, requirement["version"], tuple(DIGEST.findall(line))))
    return found


def lock_findings(path: Path, where: str) -> list[Finding]:
    """What is loose in a requirements file: a version that is not exact, a missing digest, an option, an address."""
    found = []
    for number, line in _logical_lines(path.read_text()):
        place = f"{where}:{number}"
        requirement = _requirement(line)
        if not PIN.match(requirement):
            found.append(Finding("unpinned", f"'{requirement[:80]}' names no exact version", place, RELOCK))
        elif not DIGEST.search(line):
            found.append(Finding("unhashed", f"'{requirement[:80]}' has no sha256 digest", place, RELOCK))
    return found


def dockerfile_findings(path: Path, where: str) -> list[Finding]:
    """What is loose in a Dockerfile: an image without a fixed tag, an installation without digests."""
    found, defaults, stages = [], {}, set()
    for number, line in _logical_lines(path.read_text()):
        place, word, rest = f"{where}:{number}", line.split()[0].upper(), line.split()[1:]
        if word == "ARG" and "=" in rest[0]:
            name, _, value = rest[0].partition("=")
            defaults[name] = value
        image = _image_of(word, rest, defaults)
        if word == "FROM" and "as" in map(str.lower, rest):
            stages.add(rest[-1])
        if image and image not in stages and not image.isdigit():
            found += _image_findings(image, place)
        if word == "RUN" and re.search(r"\bpip3? install\b", line) and "--require-hashes" not in line:
            found.append(Finding("unhashed", "pip installs without --require-hashes", place, "install from a lock"))
    return found


def compose_findings(path: Path, where: str) -> list[Finding]:
    """The images of a compose file that have no fixed tag."""
    services: dict[str, dict[str, Any]] = (yaml.load(path.read_text(), _Compose) or {}).get("services", {})  # noqa: S506
    images = ((name, _with_defaults(str(s["image"]))) for name, s in services.items() if s and "image" in s)
    return [finding for name, image in images for finding in _image_findings(image, f"{where}, service {name}")]


def _image_of(word: str, rest: list[str], defaults: dict[str, str]) -> str | None:
    """The image that an instruction takes from elsewhere, with the defaults of its arguments filled in."""
    words = [w for w in rest if not w.startswith("--")]
    if word == "FROM":
        return re.sub(r"\$\{?(\w+)\}?", lambda m: defaults.get(m[1], m[0]), words[0])
    sources = [w.partition("=")[2] for w in rest if w.startswith("--from=")]
    return sources[0] if word == "COPY" and sources else None


def _image_findings(image: str, place: str) -> list[Finding]:
    name = image.rsplit("/", 1)[-1]
    if image == "scratch" or re.search(r"@sha256:[0-9a-f]{64}\Z", image):
        return []
    if ":" not in name or name.endswith(":latest"):
        return [Finding("unpinned", f"the image '{image}' has no fixed tag", place, "name a release or a digest")]
    return []


def _with_defaults(text: str) -> str:
    """`${NAME:-default}` as it is where NAME is not set."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text)


def _requirement(line: str) -> str:
    return re.split(r"\s--hash", line)[0].strip()


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, each with its number; a line that ends in a backslash goes on in the next."""
    joined, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        first = first if joined else number
        joined += line.removesuffix("\\")
        if not line.endswith("\\"):
            yield first, joined.strip()
            joined = ""
    if joined:
        yield first, joined.strip()
