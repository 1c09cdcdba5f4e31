"""Writes `schema.json`: the fields and types of the objects that this server knows.

`python -m local_cluster.schema_build` reads them from the official Kubernetes client, which the server itself does
not import.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOTS = ("V1Pod", "V1Namespace", "V1ConfigMap", "V1Secret", "CoreV1Event", "V1ServiceAccount", "V1Node")
_CONTAINER = re.compile(r"(list|dict)\((?:str, )?(.+)\)|(list|dict)\[(?:str, ?)?(.+)\]")


def build() -> dict[str, dict[str, str]]:
    """Returns all types that the roots refer to: name → field → type (`str`, `list V1Container`, `dict str`, …)."""
    from kubernetes import client  # only the generator needs it: see the docstring above

    types: dict[str, dict[str, str]] = {}
    pending = list(ROOTS)
    while pending:
        name = pending.pop()
        model = getattr(client, name, None)
        if name in types or model is None:
            continue
        kinds = {model.attribute_map[field]: _simplify(kind) for field, kind in model.openapi_types.items()}
        types[name] = dict(sorted(kinds.items()))
        pending += [kind.split()[-1] for kind in kinds.values()]
    return dict(sorted(types.items()))


def _simplify(kind: str) -> str:
    match = _CONTAINER.fullmatch(kind)
    if not match:
        return kind
    return f"{match[1] or match[3]} {_simplify(match[2] or match[4])}"


if __name__ == "__main__":
    target = Path(__file__).with_name("schema.json")
    target.write_text(json.dumps(build(), separators=(",", ":")) + "\n", encoding="utf-8")
