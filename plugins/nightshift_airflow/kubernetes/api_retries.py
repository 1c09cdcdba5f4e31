"""How long a task waits for the Kubernetes API while it is unavailable or busy, or while credentials are renewed.

Pure: clocks are handed in, and nothing here sleeps or sends a request. `retrying_client` does.
"""

import json
import os
import random
from dataclasses import dataclass

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from nightshift.known_variables import DEFAULTS

SETTING = "NIGHTSHIFT_KUBERNETES_RETRY_SECONDS"
DEFAULT_SECONDS = float(DEFAULTS[SETTING])
"""How long a try waits for an API that is unavailable. With two retries after one and two minutes, three tries outlast
an outage of a quarter of an hour. A longer wait would only occupy a worker."""
ACCESS_SECONDS = 60.0
"""How long a refusal of the credentials is waited out (401, or 403 just after an outage): a new token is on its way, or
the API has not read its roles yet. A refusal that lasts is an answer."""
LONGEST_PAUSE = 5.0
"""Seconds between two requests, at most: a task goes on this soon after the API is back."""
LONGEST_REQUESTED_PAUSE = 30.0
"""Seconds that the API itself may request (Retry-After)."""
BUSY_STATUSES = (0, 429, 500, 502, 503, 504)  # the client reports a broken TLS handshake as status 0


class ApiUnavailable(Exception):
    """Kubernetes did not answer for as long as a task waits. The message says for how long, and the last failure.

    It is none of the exceptions that the provider repeats by itself: it would start the wait again.
    """


def read_retry_seconds() -> float:
    """Returns for how many seconds this Airflow waits, from its environment. Raises `ValueError` with a sentence."""
    text = os.environ.get(SETTING, str(DEFAULT_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise ValueError(f"{SETTING} must be a number of seconds from 0 to 3600, not {text!r}")
    return seconds


@dataclass
class Outage:
    """One client's outage of the API, over all its calls: a second call does not start the wait again.

    `retry_seconds` and all instants are seconds; instants are of one monotonic clock.
    """

    retry_seconds: float
    unavailable_since: float | None = None
    refused_since: float | None = None
    ended_at: float | None = None
    requests: int = 0

    def compute_pause(self, error: Exception, now: float) -> float | None:
        """Returns the seconds to wait before the request is repeated; None if `error` is an answer.

        Raises `ApiUnavailable` once the time for retries is over.
        """
        if self._is_unavailable(error):
            since = self.unavailable_since = now if self.unavailable_since is None else self.unavailable_since
            seconds_left = since + self.retry_seconds - now
        elif self._is_refused_for_now(error, now):
            since = self.refused_since = now if self.refused_since is None else self.refused_since
            seconds_left = since + min(ACCESS_SECONDS, self.retry_seconds) - now
        else:
            return None
        if seconds_left <= 0:
            raise ApiUnavailable(f"{describe_error(error)}, for {now - since:.0f} s") from error
        self.requests += 1
        return min(seconds_left, _read_requested_pause(error) or self._compute_backoff())

    def end(self, now: float) -> float | None:
        """Notes that the API has answered at `now`; returns the seconds of the outage, None if there was none."""
        begins = [since for since in (self.unavailable_since, self.refused_since) if since is not None]
        if not begins:
            return None
        self.unavailable_since = self.refused_since = None
        self.ended_at, self.requests = now, 0
        return now - min(begins)

    def _compute_backoff(self) -> float:
        pause: float = min(LONGEST_PAUSE, 0.25 * 2**self.requests)
        return pause * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def _is_unavailable(self, error: Exception) -> bool:
        return isinstance(error, HTTPError) or (isinstance(error, ApiException) and error.status in BUSY_STATUSES)

    def _is_refused_for_now(self, error: Exception, now: float) -> bool:
        """A current token is refused while it is replaced; roles are refused by an API that has just started."""
        if not isinstance(error, ApiException):
            return False
        has_just_ended = self.ended_at is not None and now - self.ended_at < ACCESS_SECONDS
        return bool(error.status == 401 or (error.status == 403 and (self.requests > 0 or has_just_ended)))


def describe_error(error: Exception) -> str:
    """Returns what went wrong with a request, in a few words and without the JSON around it."""
    if not isinstance(error, ApiException):
        return str(error).rsplit(">: ", 1)[-1].rsplit("): ", 1)[-1].strip() or type(error).__name__
    message = read_message(error)
    return f"{error.status} {error.reason}" + (f": {message}" if message else "")


def read_message(error: ApiException) -> str:
    """Returns the message of the Kubernetes API about a request that it refused; "" if there is none."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.body or "").strip()[:300]


def _read_requested_pause(error: Exception) -> float | None:
    """Returns the seconds that the API requests, if it names a number of them."""
    text = (getattr(error, "headers", None) or {}).get("Retry-After", "")
    return min(float(text), LONGEST_REQUESTED_PAUSE) if text.isascii() and text.isdecimal() else None
