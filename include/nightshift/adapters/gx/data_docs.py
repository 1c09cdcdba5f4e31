"""Data Docs in object storage: a page per check, and one small index object per validation.

Written by `validate`, read by the view in Airflow (`data_docs_index`). Keys, in the bucket of Nightshift:
`docs/<model>/<night>/<dataset>/<check>/index.html` and `result.json` beside it;
`docs/_index/<inverted night>.<model>.<validation>.<passed|failed>.json`, listed newest night first.

A publisher writes its own keys and reads nobody else's, so that the thousandth costs what the first did and twenty at
once do not meet. What can be filtered by stands in the key: a listing reads no object that it does not show.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.core.line_digest import digest_lines
from nightshift.errors import BadConfig
from nightshift.result_parts import CheckedDataset, CheckedPartition
from nightshift.stored_records import Misfit, parse_record, to_plain

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
    datasets: tuple[CheckedPartition, ...]

    @property
    def key(self) -> str:
        """Where the entry stands."""
        return (
            f"{INDEX}{invert_night(date.fromisoformat(self.night))}.{self.model}.{self.validation}.{self.outcome}.json"
        )


def invert_night(night: date) -> str:
    """Eight digits that sort the later night first."""
    return f"{99_999_999 - int(night.strftime('%Y%m%d')):08d}"


def check_folder(model: str, night: date, dataset: str, check: str) -> str:
    """The key prefix of one check's objects."""
    return f"docs/{model}/{night.isoformat()}/{dataset}/{check}/"


def build_view_path(page: str) -> str:
    """The path at which Airflow's web server shows the page that an object's key names."""
    return f"{VIEW}/{page.removesuffix('/index.html')}"


def build_validation_id(checks: Iterable[str]) -> str:
    """The identifier of a validation: the same checks give the same one."""
    return digest_lines(checks, 12)


def find_published(store: ObjectStore, folder: str) -> CheckedDataset | None:
    """Returns the result of a check that was published before, or None. Raises `BadConfig` for what is no result."""
    uri = store.build_uri(folder + "result.json")
    data = store.get(uri)
    try:
        return None if data is None else parse_record(CheckedDataset, data)
    except Misfit as misfit:
        raise BadConfig(f"{uri} is no result of a check ({misfit}): delete it, then validate the night again") from None


def publish(store: ObjectStore, folder: str, page: bytes, result: CheckedDataset) -> None:
    """Publishes one check. The result comes last: where it is, the page is."""
    store.put(store.build_uri(folder + "index.html"), page, "text/html; charset=utf-8")
    store.put_json(store.build_uri(folder + "result.json"), to_plain(result))


def enter(store: ObjectStore, entry: Entry) -> None:
    """Puts a validation into the index, over an earlier one of the same checks."""
    store.put_json(store.build_uri(entry.key), to_plain(entry))
