"""Options of Airflow that someone wants otherwise: lines `AIRFLOW__SECTION__OPTION=value` in `airflow.env` of the home.

They take the place of what `orchestration` chooses. A line changed takes effect with the next `make up`.
"""

import re
from pathlib import Path

from local_platform.errors import CannotStart

LINE = re.compile(r"\A(AIRFLOW__[A-Z0-9_]+__[A-Z0-9_]+)=([^\"']*)\Z")


def read(path: Path) -> dict[str, str]:
    """The options of this file; none when it is not there. Raises `CannotStart` for a line that is none."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    wrong: list[int] = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.match(text)
        if match:
            found[match[1]] = match[2]
        else:
            wrong.append(number)
    if wrong:
        where = f"{path}, line {', '.join(map(str, wrong))}"
        raise CannotStart(f"{where}: expected AIRFLOW__SECTION__OPTION=value, without quotation marks")
    return found
