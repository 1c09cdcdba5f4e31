"""What a definition is checked for when it loads, standard library only: types of its fields, addresses, metric names.

A definition is Python that people write: a text where a tuple is wanted (`key="id"`) or a number in quotes would
otherwise be found far from where it stands, by a step, in the night.
"""

import math
import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from string import Formatter
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nightshift.errors import BadConfig

METRICS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("roc_auc", "average_precision", "log_loss", "brier"),
        "regression": ("rmse", "mae"),
    }
)
"""The metrics of each task: the names of `nightshift.core.metrics.METRICS`, which a definition may not import."""
BUCKET = re.compile(r"\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
PATH = re.compile(r"\A[^\s?#*\[\]\\\x00-\x1f]+\Z")
SAID: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    timedelta: "a timedelta",
}


def require_types(instance: Any) -> None:
    """Raises `BadConfig` for a field of a dataclass whose value is not of its type, or is not a finite number."""
    for name, kind in get_type_hints(type(instance)).items():
        value = getattr(instance, name)
        if not _has_type(value, kind):
            where = f"{type(instance).__name__} {name}={_shorten(value)}"
            raise BadConfig(f"{where} must be {_describe_type(kind)}{_suggest_tuple(value, kind)}")


def require_uri(where: str, uri: str) -> None:
    """Raises `BadConfig` unless `uri` is a pattern of S3 folders with one `{night}` and no other field."""
    like = "s3://bucket/path/date={night}/"
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(uri) if name is not None]
    except ValueError:
        fields = []
    bucket, _, path = uri.removeprefix("s3://").partition("/")
    known = fields == [("night", "", None)] and uri.count("{") == uri.count("}") == 1
    if not (known and uri.startswith("s3://") and uri.endswith("/") and BUCKET.match(bucket) and "{night}" in path):
        raise BadConfig(f"{where}: uri {uri!r} must look like {like}, with {{night}} once and no other field in braces")
    if not PATH.match(path) or "//" in path or path.startswith("/") or {".", ".."} & set(path.split("/")):
        raise BadConfig(f"{where}: uri {uri!r} has a part that no folder is called: it must look like {like}")


def require_metric(where: str, metric: str, task: str | None = None) -> None:
    """Raises `BadConfig` for a metric that the task, or without one no task, has."""
    known = METRICS_OF[task] if task else tuple(name for names in METRICS_OF.values() for name in names)
    if metric not in known:
        of = f" for {task}" if task else ""
        raise BadConfig(f"{where}: gate metric {metric!r} does not exist{of}: use one of {', '.join(known)}")


def require_apart(where: str, places: Mapping[str, str]) -> None:
    """Raises `BadConfig` for a dataset whose partitions lie within those of another, by name: both would be read."""
    for name, place in places.items():
        if inside := [
            other for other, other_place in places.items() if other != name and other_place.startswith(place)
        ]:
            raise BadConfig(f"{where}: the partitions of {', '.join(inside)} lie within those of {name}")


def require_distinct(kind: str, names: Collection[str]) -> None:
    """Raises `BadConfig` for names of which one is empty or given twice."""
    if not all(names):
        raise BadConfig(f"{kind} holds an empty name")
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise BadConfig(f"{kind} names {', '.join(twice)} more than once")


def _has_type(value: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in inner
    if origin in (Union, UnionType):
        return any(_has_type(value, option) for option in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_has_type(item, inner[0]) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _has_type(key, inner[0]) and _has_type(item, inner[1]) for key, item in value.items()
        )
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _describe_type(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if origin in (Union, UnionType):
        return " or ".join("None" if option is type(None) else _describe_type(option) for option in inner)
    if origin is tuple:
        return "a tuple of texts" if inner[0] is str else f"a tuple of {inner[0].__name__}"
    if origin is not None:
        return f"a mapping of texts to {inner[1].__name__}"
    return SAID.get(kind, f"a {getattr(kind, '__name__', kind)}")


def _suggest_tuple(value: Any, kind: Any) -> str:
    if get_origin(kind) is tuple and isinstance(value, str):
        return f': write ("{value[:40]}",)'
    if get_origin(kind) is tuple and isinstance(value, list):
        return ": write it in round brackets"
    if kind in (int, float) and isinstance(value, str):
        return ": write it without quotes"
    return ""


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
