"""Runs inside an image, on its own Python: prints its Python and Debian packages as one JSON object."""

import json
import re
import subprocess
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path

COPYRIGHT = "/usr/share/doc/{}/copyright"


def list_python_packages() -> list[dict[str, str]]:
    """Returns name, version and licence of each installed distribution."""
    by_name = {d.metadata["Name"].lower(): d for d in distributions()}
    return [
        {"name": d.metadata["Name"], "version": d.version, "licence": read_licence(d.metadata)}
        for d in by_name.values()
    ]


def read_licence(metadata: PackageMetadata) -> str:
    """Returns an SPDX expression if the package gives one, else its classifiers, else the first line of its licence."""
    if metadata["License-Expression"]:
        return metadata["License-Expression"]
    classified = [
        c.rsplit(" :: ", 1)[1]
        for c in metadata.get_all("Classifier") or []
        if c.startswith("License :: OSI Approved :: ")
    ]
    lines = (metadata["License"] or "").strip().splitlines()
    return " OR ".join(classified) or (lines[0][:200] if lines else "")


def list_debian_packages() -> list[dict[str, str]]:
    """Returns name, version, architecture and licences of each installed Debian package."""
    fields = "${Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n"
    listed = subprocess.run(("dpkg-query", "-W", "-f", fields), capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in listed.splitlines()]
    return [
        {"name": name, "version": version, "architecture": architecture, "licence": read_debian_licence(name)}
        for name, version, architecture, state in rows
        if state.startswith("ii")
    ]


def read_debian_licence(package: str, copyright_file: str = COPYRIGHT) -> str:
    """Returns the licences that the package's copyright file names, separated by commas; "" if it is not
    machine-readable.
    """
    path = Path(copyright_file.format(package))
    if not path.is_file():
        return ""
    text = path.read_text(errors="replace")
    if not text.startswith("Format:"):
        return ""
    return ", ".join(sorted({name.strip() for name in re.findall(r"(?m)^License:[ \t]*(\S.*)$", text)}))


if __name__ == "__main__":
    print(json.dumps({"python": list_python_packages(), "debian": list_debian_packages()}))
