"""The paths of Nightshift's pages in Airflow, for the links of tasks and for the pages themselves."""

import re
from urllib.parse import urlsplit

from airflow.sdk.configuration import conf

VIEW = "/nightshift"
PATH_IN_TEXT = re.compile(r"(?<![^\s(])/nightshift/docs/[a-z0-9_]+/\d{4}-\d\d-\d\d[a-z0-9_/]*", re.ASCII)


def make_path(*parts: str) -> str:
    """Returns the path of a page, below the path that Airflow itself is served at."""
    prefix = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return "/".join((prefix + VIEW, *parts))


def add_addresses(text: str) -> str:
    """Returns a line of a step's log in which the path of a page is an address that a browser can open.

    A step does not know where Airflow is served. Without Airflow's `[api] base_url` the path stays as it is.
    """
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return PATH_IN_TEXT.sub(lambda match: base + match.group(), text)
