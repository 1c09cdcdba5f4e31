"""Reads the options of Airflow that a person overrides: lines `AIRFLOW__SECTION__OPTION=value` in `airflow.env`.

They override what `services/airflow_services.py` chooses, from the next `make up` on.
"""

import re
from pathlib import Path

from local_platform.errors import CannotStart

LINE = re.compile(r"\A(AIRFLOW__[A-Z0-9_]+__[A-Z0-9_]+)=([^\"']*)\Z")


def read_options(path: Path) -> dict[str, str]:
    """Returns the options of this file; none when it is missing. Raises `CannotStart` for a line that is no option."""
    if not path.exists():
        return {}
    options: dict[str, str] = {}
    wrong_lines: list[int] = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.match(text)
        if match:
            options[match[1]] = match[2]
        else:
            wrong_lines.append(number)
    if wrong_lines:
        where = f"{path}, line {', '.join(map(str, wrong_lines))}"
        raise CannotStart(f"{where}: expected AIRFLOW__SECTION__OPTION=value, without quotation marks")
    return options
