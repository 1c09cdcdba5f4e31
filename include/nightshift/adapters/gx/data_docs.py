"""Data Docs in object storage: a page per check, and one small index object per validation.

Written by `validate`, read by the view in Airflow (`data_docs_index`). Keys, in the bucket of Nightshift:
`docs/<model>/<night>/<dataset>/<check>/index.html` and `result.json` beside it;
`docs/_index/<inverted night>.<model>.<validation>.<passed|failed>.json`, listed newest night first.

A publisher writes its own keys and reads nobody else's, so that the thousandth costs what the first did and twenty at
once do not meet. What can be filtered by stands in the key: a listing reads no object that it does not show.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.line_digest import digest_lines

INDEX = "docs/_index/"
VIEW = "/nightshift"
"""Where Airflow's web server serves the pages, below its own address."""
KEY = re.compile(r"\A[0-9]{8}\.(?P<model>[a-z][a-z0-9_]*)\.[0-9a-f]+\.(?P<outcome>passed|failed)\.json\Z")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One validation of one night, as the index keeps it.

    `datasets` are those of the result of `validate`, without the failures. `validated` is an ISO 8601 instant in UTC.
    """

    model: str
    night: str
    validation: str
    outcome: str
    validated: str
    datasets: tuple[dict[str, Any], ...]

    @property
    def key(self) -> str:
        """Where the entry stands."""
        return f"{INDEX}{inverted(date.fromisoformat(self.night))}.{self.model}.{self.validation}.{self.outcome}.json"


def inverted(night: date) -> str:
    """Eight digits that sort the later night first."""
    return f"{99_999_999 - int(night.strftime('%Y%m%d')):08d}"


def check_folder(model: str, night: date, dataset: str, check: str) -> str:
    """The key prefix of one check's objects."""
    return f"docs/{model}/{night.isoformat()}/{dataset}/{check}/"


def path_in_view(page: str) -> str:
    """The path at which Airflow's web server shows the page that an object's key names."""
    return f"{VIEW}/{page.removesuffix('/index.html')}"


def validation_of(checks: Iterable[str]) -> str:
    """The identifier of a validation: the same checks give the same one."""
    return digest_lines(checks, 12)


def found(store: ObjectStore, folder: str) -> dict[str, Any] | None:
    """The result of a check that was published before, or None."""
    result: dict[str, Any] | None = store.get_json(store.uri(folder + "result.json"))
    return result


def publish(store: ObjectStore, folder: str, page: bytes, result: dict[str, Any]) -> None:
    """Publishes one check. The result comes last: where it is, the page is."""
    store.put(store.uri(folder + "index.html"), page, "text/html; charset=utf-8")
    store.put_json(store.uri(folder + "result.json"), result)


def enter(store: ObjectStore, entry: Entry) -> None:
    """Puts a validation into the index, over an earlier one of the same checks."""
    store.put_json(store.uri(entry.key), asdict(entry))
