"""When runs start, as a definition may write it: a cron line of five fields, and an IANA time zone.

Read without a library, so that a line that could not work is refused where the definition loads. What some schedulers
add (`@daily`, seconds, `L`, `W`, `#`, `?`, `H`) is refused: each of them reads it in a way of its own.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from nightshift.errors import BadConfig

EXAMPLE = "0 0 * * *"
ITEM = re.compile(r"\A(?:\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]+))?\Z", re.ASCII)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LONGEST_MONTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}

OF_A_MACHINE = ("localtime", "posixrules", "Factory")
"""Files beside the zones: what they hold differs by machine."""


@dataclass(frozen=True)
class Field:
    """One field of a cron line: what it is called, its bounds, and the names of its values from `lowest` on."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of week", 0, 7, WEEKDAYS),
)


def require_cron(line: object) -> None:
    """Raises `BadConfig` for a cron line that is none, that never fires, or that fires more than once a day."""
    if not isinstance(line, str) or not (line.isascii() and line.isprintable()):
        raise BadConfig(f"schedule cron must be one line of text such as {EXAMPLE!r}, not {_format_value(line)}")
    texts = line.lower().split()
    if len(texts) != len(FIELDS):
        raise BadConfig(f"schedule cron {_format_value(line)} must have five fields, as in {EXAMPLE!r}")
    try:
        values = [_parse_values(text, field) for text, field in zip(texts, FIELDS, strict=True)]
    except ValueError as problem:
        raise BadConfig(f"schedule cron {_format_value(line)}: {problem}") from None
    if not _can_fire(values, texts):
        raise BadConfig(f"schedule cron {_format_value(line)} never fires: no month it names has such a day")
    if len(values[0]) * len(values[1]) > 1:
        raise BadConfig(
            f"schedule cron {_format_value(line)} fires more than once a day, and a run processes whole days:"
            " give one minute and one hour"
        )


def require_zone(name: object) -> None:
    """Raises `BadConfig` for what is no IANA time zone, with the nearest name that is one."""
    if not isinstance(name, str):
        raise BadConfig(f"schedule timezone must be the name of an IANA time zone, not {type(name).__name__}")
    try:
        is_one = ZoneInfo(name).key not in OF_A_MACHINE and not name.startswith(("posix/", "right/"))
    except (KeyError, ValueError, OSError):
        is_one = False
    if not is_one:
        zones = {zone.lower(): zone for zone in sorted(available_timezones())}
        near = get_close_matches(name.lower(), zones, n=1)
        instead = f"did you mean {zones[near[0]]!r}?" if near else "write it as 'UTC' or 'Europe/Berlin'"
        raise BadConfig(f"schedule timezone {_format_value(name)} is no IANA time zone: {instead}")


def _parse_values(text: str, field: Field) -> set[int]:
    """The values that a field's text names. Raises `ValueError` with a sentence."""
    return set().union(*(_parse_item(item, field) for item in text.split(",")))


def _parse_item(item: str, field: Field) -> range:
    parts = ITEM.match(item)
    if not parts:
        raise ValueError(f"{field.name} {item!r} is none of: a number, a range, a list, '*', each with a step '/n'")
    first, last, step = parts.groups()
    if step and not 1 <= int(step) <= field.highest:
        raise ValueError(f"the step of {field.name} {item!r} must lie between 1 and {field.highest}")
    lowest = field.lowest if first is None else _parse_number(first, field)
    # A number with a step, and a star, go on to the end; a number alone names itself.
    highest = _parse_number(last, field) if last else field.highest if first is None or step else lowest
    if lowest > highest:
        raise ValueError(f"{field.name} {item!r} ends before it begins: write it as two ranges")
    return range(lowest, highest + 1, int(step or 1))


def _parse_number(text: str, field: Field) -> int:
    if text in field.names:
        return field.lowest + field.names.index(text)
    if not text.isdecimal():
        known = f" or a name such as {field.names[0]!r}" if field.names else ""
        raise ValueError(f"{field.name} {text!r} must be a number from {field.lowest} to {field.highest}{known}")
    if not field.lowest <= int(text) <= field.highest:
        raise ValueError(f"{field.name} {text} must lie between {field.lowest} and {field.highest}")
    return int(text)


def _can_fire(values: list[set[int]], texts: list[str]) -> bool:
    """Whether the line ever fires. With both kinds of day restricted, either of them is enough."""
    by_weekday = not texts[4].startswith("*")
    return by_weekday or any(min(values[2]) <= LONGEST_MONTHS[month] for month in values[3])


def _format_value(value: object) -> str:
    return f"{value[:60]!r}" if isinstance(value, str) else type(value).__name__
