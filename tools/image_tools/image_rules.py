"""The rules of an image: no root, no file that gains rights, no secret in any layer, its settings or its history."""

import re
import tarfile
from collections.abc import Iterator
from typing import Any

from image_tools.archive import Archive, Layer, layer_of, merged, path_of
from image_tools.findings import Finding
from image_tools.secret_patterns import secret_file, secret_in, secret_in_own, secret_variable

OURS = ("opt/nightshift/", "usr/local/bin/", "opt/airflow/")
"""Where the Dockerfile puts what is ours."""
SETUID_SETGID = 0o6000
NUMERIC_USER = re.compile(r"(?P<uid>\d+)(:\d+)?\Z")
ANEW = "take it out and build anew; a secret that was in an image is to be changed"


def image_findings(archive: Archive) -> list[Finding]:
    """Every rule that the image breaks."""
    layers, found = [], settings_findings(archive.name, archive.configuration)
    for member in archive.layers:
        secrets: list[Finding] = []
        layers.append(layer_of(member, _looked_at(archive, member, secrets)))
        found += secrets
    return found + rights_findings(archive.name, layers)


def settings_findings(name: str, configuration: dict[str, Any]) -> list[Finding]:
    """What is wrong with the user, the environment, the labels or the history."""
    settings = configuration.get("config") or {}
    return [
        *_user_findings(name, settings.get("User") or ""),
        *_variable_findings(name, settings),
        *_history_findings(name, configuration.get("history") or []),
    ]


def rights_findings(name: str, layers: list[Layer]) -> list[Finding]:
    """The files of the finished image that give whoever runs them more rights."""
    found = []
    for file in merged(layers).values():
        if file.mode & SETUID_SETGID:
            what = f"a {'setuid' if file.mode & 0o4000 else 'setgid'} file"
            found.append(Finding("setuid", what, f"{name}:/{file.path}", f"chmod a-s /{file.path} in the Dockerfile"))
        if file.privileged:
            found.append(
                Finding("setuid", "a file with capabilities", f"{name}:/{file.path}", f"setcap -r /{file.path}")
            )
    return found


def _looked_at(archive: Archive, member: str, found: list[Finding]) -> Iterator[tarfile.TarInfo]:
    """The entries of a layer; what its files reveal is added to `found` on the way."""
    for entry, content in archive.contents(member):
        path = path_of(entry)
        kind = file_secret(path, content) if entry.isreg() else None
        if kind:
            found.append(Finding("secret", kind, f"{archive.name}:/{path}", ANEW))
        yield entry


def file_secret(path: str, content: bytes | None) -> str | None:
    """What secret a file is or holds, if any."""
    if secret_file(path):
        return "a file that holds secrets by its name"
    if not content or b"\0" in content[:4096]:
        return None
    return secret_in_own(content) if path.startswith(OURS) else secret_in(content)


def _user_findings(name: str, user: str) -> list[Finding]:
    numeric = NUMERIC_USER.match(user)
    if numeric and int(numeric["uid"]):
        return []
    what = (
        "runs as root"
        if user in ("", "root") or numeric
        else f"its user '{user}' is a name, and a cluster cannot tell that it is not root"
    )
    return [Finding("user", what, name, "USER 10001:10001 in the Dockerfile")]


def _variable_findings(name: str, settings: dict[str, Any]) -> list[Finding]:
    pairs = [line.partition("=")[::2] for line in settings.get("Env") or []] + list(
        (settings.get("Labels") or {}).items()
    )
    kinds = ((variable, secret_variable(variable, value)) for variable, value in pairs)
    return [Finding("secret", kind, f"{name}: variable or label {variable}", ANEW) for variable, kind in kinds if kind]


def _history_findings(name: str, history: list[dict[str, Any]]) -> list[Finding]:
    """Arguments of a build stay in its history."""
    found = []
    for number, step in enumerate(history, 1):
        words = step.get("created_by", "")
        assigned = (
            secret_variable(key, value) for key, value in re.findall(r"\b([A-Za-z_]\w*)=[\"']?([^\s\"']+)", words)
        )
        kind = secret_in(words.encode()) or next(filter(None, assigned), None)
        if kind and not words.startswith(("ENV ", "LABEL ")):  # these two are told of as what they are
            found.append(Finding("secret", kind, f"{name}: step {number} of its history", ANEW))
    return found
