"""The rules for locks, Dockerfile and compose file: everything that is installed is pinned."""

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


def _construct_plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Compose.add_multi_constructor("!", _construct_plain)


@dataclass(frozen=True)
class Pin:
    """A locked package: its normal name, its version, and the sha256 digests (hexadecimal) of the archives allowed."""

    name: str
    version: str
    digests: tuple[str, ...]


def parse_pins(lock: str) -> list[Pin]:
    """Returns every well-formed pin in the text of a requirements file."""
    parsed = []
    for _, line in _join_lines(lock):
        requirement = PIN.match(_cut_hashes(line))
        if requirement:
            digests = tuple(DIGEST.findall(line))
            parsed.append(Pin(normalize_name(requirement["name"]), requirement["version"], digests))
    return parsed


def normalize_name(name: str) -> str:
    """Returns the name of a package as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_lock(path: Path, where: str) -> list[Finding]:
    """Returns what is not pinned in a requirements file: a version that is not exact, a missing digest, an option, a
    URL.
    """
    findings = []
    for number, line in _join_lines(path.read_text()):
        place = f"{where}:{number}"
        requirement = _cut_hashes(line)
        if not PIN.match(requirement):
            findings.append(Finding("unpinned", f"'{requirement[:80]}' names no exact version", place, RELOCK))
        elif not DIGEST.search(line):
            findings.append(Finding("unhashed", f"'{requirement[:80]}' has no sha256 digest", place, RELOCK))
    return findings


def check_dockerfile(path: Path, where: str) -> list[Finding]:
    """Returns what is not pinned in a Dockerfile: an image without a fixed tag, an installation without digests."""
    findings, defaults, stages = [], {}, set()
    for number, line in _join_lines(path.read_text()):
        place, instruction, arguments = f"{where}:{number}", line.split()[0].upper(), line.split()[1:]
        if instruction == "ARG" and "=" in arguments[0]:
            name, _, value = arguments[0].partition("=")
            defaults[name] = value
        image = _find_image(instruction, arguments, defaults)
        if instruction == "FROM" and "as" in map(str.lower, arguments):
            stages.add(arguments[-1])
        if image and image not in stages and not image.isdigit():
            findings += _check_image(image, place)
        if instruction == "RUN" and re.search(r"\bpip3? install\b", line) and "--require-hashes" not in line:
            findings.append(Finding("unhashed", "pip installs without --require-hashes", place, "install from a lock"))
    return findings


def check_compose_file(path: Path, where: str) -> list[Finding]:
    """Returns the images of a compose file that have no fixed tag."""
    services: dict[str, dict[str, Any]] = (yaml.load(path.read_text(), _Compose) or {}).get("services", {})  # noqa: S506
    images = ((name, _fill_in_defaults(str(s["image"]))) for name, s in services.items() if s and "image" in s)
    return [finding for name, image in images for finding in _check_image(image, f"{where}, service {name}")]


def _find_image(instruction: str, arguments: list[str], defaults: dict[str, str]) -> str | None:
    """Returns the image that an instruction uses, with the defaults of its arguments filled in."""
    names = [w for w in arguments if not w.startswith("--")]
    if instruction == "FROM":
        return re.sub(r"\$\{?(\w+)\}?", lambda m: defaults.get(m[1], m[0]), names[0])
    sources = [w.partition("=")[2] for w in arguments if w.startswith("--from=")]
    return sources[0] if instruction == "COPY" and sources else None


def _check_image(image: str, place: str) -> list[Finding]:
    name = image.rsplit("/", 1)[-1]
    if image == "scratch" or re.search(r"@sha256:[0-9a-f]{64}\Z", image):
        return []
    if ":" not in name or name.endswith(":latest"):
        return [Finding("unpinned", f"the image '{image}' has no fixed tag", place, "name a release or a digest")]
    return []


def _fill_in_defaults(text: str) -> str:
    """Replaces `${NAME:-default}` by its default."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text)


def _cut_hashes(line: str) -> str:
    return re.split(r"\s--hash", line)[0].strip()


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yields the lines with content, each with its number; a line that ends in a backslash is joined with the next."""
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
