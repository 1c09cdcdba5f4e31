"""The rules for an image: no root user, no setuid files, no secrets in its layers, settings or history."""

import re
import tarfile
from collections.abc import Iterator
from typing import Any

from image_tools.archive import Archive, Layer, build_layer, get_path, merge_layers
from image_tools.findings import Finding
from image_tools.secret_patterns import find_own_secret, find_secret, find_variable_secret, is_secret_file

OWN_FOLDERS = ("opt/nightshift/", "usr/local/bin/", "opt/airflow/")
"""The folders in which the Dockerfile puts files of this project."""
SETUID_SETGID = 0o6000
NUMERIC_USER = re.compile(r"(?P<uid>\d+)(:\d+)?\Z")
REMOVAL = "remove it and build again; change a secret that was in an image"


def check_image(archive: Archive) -> list[Finding]:
    """Returns a finding for every rule that the image breaks."""
    layers, findings = [], check_settings(archive.name, archive.configuration)
    for member in archive.layers:
        secrets: list[Finding] = []
        layers.append(build_layer(member, _collect_secrets(archive, member, secrets)))
        findings += secrets
    return findings + check_rights(archive.name, layers)


def check_settings(name: str, configuration: dict[str, Any]) -> list[Finding]:
    """Returns the findings about its user, environment, labels and history."""
    settings = configuration.get("config") or {}
    return [
        *_check_user(name, settings.get("User") or ""),
        *_check_variables(name, settings),
        *_check_history(name, configuration.get("history") or []),
    ]


def check_rights(name: str, layers: list[Layer]) -> list[Finding]:
    """Returns the files of the finished image that give more rights to whoever runs them."""
    findings = []
    for file in merge_layers(layers).values():
        if file.mode & SETUID_SETGID:
            problem = f"a {'setuid' if file.mode & 0o4000 else 'setgid'} file"
            findings.append(
                Finding("setuid", problem, f"{name}:/{file.path}", f"chmod a-s /{file.path} in the Dockerfile")
            )
        if file.privileged:
            findings.append(
                Finding("setuid", "a file with capabilities", f"{name}:/{file.path}", f"setcap -r /{file.path}")
            )
    return findings


def _collect_secrets(archive: Archive, member: str, findings: list[Finding]) -> Iterator[tarfile.TarInfo]:
    """Yields the entries of a layer, and adds a finding for each secret in its files to `findings`."""
    for entry, content in archive.read_entries(member):
        path = get_path(entry)
        kind = find_file_secret(path, content) if entry.isreg() else None
        if kind:
            findings.append(Finding("secret", kind, f"{archive.name}:/{path}", REMOVAL))
        yield entry


def find_file_secret(path: str, content: bytes | None) -> str | None:
    """Returns which kind of secret a file is or contains, if any."""
    if is_secret_file(path):
        return "a file that holds secrets by its name"
    if not content or b"\0" in content[:4096]:
        return None
    return find_own_secret(content) if path.startswith(OWN_FOLDERS) else find_secret(content)


def _check_user(name: str, user: str) -> list[Finding]:
    numeric = NUMERIC_USER.match(user)
    if numeric and int(numeric["uid"]):
        return []
    problem = (
        "runs as root"
        if user in ("", "root") or numeric
        else f"its user '{user}' is a name, and a cluster cannot tell that it is not root"
    )
    return [Finding("user", problem, name, "USER 10001:10001 in the Dockerfile")]


def _check_variables(name: str, settings: dict[str, Any]) -> list[Finding]:
    pairs = [line.partition("=")[::2] for line in settings.get("Env") or []] + list(
        (settings.get("Labels") or {}).items()
    )
    kinds = ((variable, find_variable_secret(variable, value)) for variable, value in pairs)
    return [
        Finding("secret", kind, f"{name}: variable or label {variable}", REMOVAL) for variable, kind in kinds if kind
    ]


def _check_history(name: str, history: list[dict[str, Any]]) -> list[Finding]:
    """Returns the findings about its history, in which the arguments of a build remain."""
    findings = []
    for number, step in enumerate(history, 1):
        command = step.get("created_by", "")
        assigned = (
            find_variable_secret(key, value)
            for key, value in re.findall(r"\b([A-Za-z_]\w*)=[\"']?([^\s\"']+)", command)
        )
        kind = find_secret(command.encode()) or next(filter(None, assigned), None)
        if kind and not command.startswith(("ENV ", "LABEL ")):  # these two are checked as settings
            findings.append(Finding("secret", kind, f"{name}: step {number} of its history", REMOVAL))
    return findings
