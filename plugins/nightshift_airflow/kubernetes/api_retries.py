"""How long a step waits for Kubernetes, and what it waits out: an API that is away, busy, or renewing credentials.

Pure: clocks are handed in, and nothing here sleeps or asks anyone. `connection.py` does.
"""

import json
import os
import random
from dataclasses import dataclass

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

SETTING = "NIGHTSHIFT_KUBERNETES_PATIENCE"
DEFAULT = 300.0
"""Seconds that a try waits for an API that is away. With two retries after one and two minutes, three tries outlast an
outage of a quarter of an hour; a longer wait would only keep a worker busy with nothing."""
ACCESS = 60.0
"""Seconds for a refusal of who we are (401, or 403 just after an outage): a new token is on its way, or the API has
not read its roles yet. A refusal that lasts is an answer."""
LONGEST_PAUSE = 5.0
"""Seconds between two requests, at most: a step goes on this soon after the API is back."""
LONGEST_ASKED_PAUSE = 30.0
"""Seconds that the API itself may ask for (Retry-After)."""
BUSY = (0, 429, 500, 502, 503, 504)  # the client reports a broken TLS handshake as status 0


class Away(Exception):
    """Kubernetes did not answer for as long as a step waits. The message says for how long, and what was seen.

    None of the kinds that the provider repeats by itself: it would start the wait again.
    """


def setting() -> float:
    """The patience of this Airflow in seconds, from its environment. Raises `ValueError` with a sentence."""
    text = os.environ.get(SETTING, str(DEFAULT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise ValueError(f"{SETTING} must be a number of seconds from 0 to 3600, not {text!r}")
    return seconds


@dataclass
class Outage:
    """One client's trouble with the API, over all its calls: a second call does not start the wait again.

    `patience` and all instants are seconds; instants are of one monotonic clock.
    """

    patience: float
    away_since: float | None = None
    refused_since: float | None = None
    over_since: float | None = None
    requests: int = 0

    def pause(self, error: Exception, now: float) -> float | None:
        """Seconds to wait before the request is repeated; None when `error` is an answer. Raises `Away`."""
        if self._is_away(error):
            since = self.away_since = now if self.away_since is None else self.away_since
            left = since + self.patience - now
        elif self._is_refused_for_now(error, now):
            since = self.refused_since = now if self.refused_since is None else self.refused_since
            left = since + min(ACCESS, self.patience) - now
        else:
            return None
        if left <= 0:
            raise Away(f"{cause(error)}, for {now - since:.0f} s") from error
        self.requests += 1
        return min(left, _asked_pause(error) or min(LONGEST_PAUSE, 0.25 * 2**self.requests) * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def over(self, now: float) -> float | None:
        """The API has answered at `now`; seconds that the trouble lasted, None when there was none."""
        began = [since for since in (self.away_since, self.refused_since) if since is not None]
        if not began:
            return None
        self.away_since = self.refused_since = None
        self.over_since, self.requests = now, 0
        return now - min(began)

    def _is_away(self, error: Exception) -> bool:
        return isinstance(error, HTTPError) or (isinstance(error, ApiException) and error.status in BUSY)

    def _is_refused_for_now(self, error: Exception, now: float) -> bool:
        """A current token is refused while it is replaced; roles are refused by an API that has just started."""
        if not isinstance(error, ApiException):
            return False
        is_fresh = self.requests > 0 or (self.over_since is not None and now - self.over_since < ACCESS)
        return bool(error.status == 401 or (error.status == 403 and is_fresh))


def cause(error: Exception) -> str:
    """What went wrong with a request, in a few words and without the JSON around it."""
    if not isinstance(error, ApiException):
        return str(error).rsplit(">: ", 1)[-1].rsplit("): ", 1)[-1].strip() or type(error).__name__
    said = message(error)
    return f"{error.status} {error.reason}" + (f": {said}" if said else "")


def message(error: ApiException) -> str:
    """What the Kubernetes API said about a request that it refused; "" when it said nothing."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.body or "").strip()[:300]


def _asked_pause(error: Exception) -> float | None:
    """The seconds that the API asks for, if it names a number of them."""
    asked = (getattr(error, "headers", None) or {}).get("Retry-After", "")
    return min(float(asked), LONGEST_ASKED_PAUSE) if asked.isascii() and asked.isdecimal() else None
