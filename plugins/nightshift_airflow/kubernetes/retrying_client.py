"""The connection to Kubernetes of every operator: each request is repeated for as long as `api_retries` says.

One place for all requests. The provider repeats some calls for 15 seconds, some for 45 and some not at all. It counts
attempts instead of time, so that it waits four times as long for an API that hangs as for one that refuses.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from nightshift_airflow.kubernetes.api_retries import Outage, describe_error, read_retry_seconds
from nightshift_airflow.kubernetes_upstream import REQUEST_TIMEOUT

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0

log = logging.getLogger(__name__)


class RetryingClient(ApiClient):  # type: ignore[misc]  # the client publishes no types
    """A client whose requests wait out an outage. `read_configuration` reads the credentials again if refused."""

    def __init__(
        self, configuration: Configuration, read_configuration: Callable[[], Configuration], outage: Outage
    ) -> None:
        super().__init__(configuration)
        self.read_configuration = read_configuration
        self.outage = outage

    def call_api(self, *args: Any, **options: Any) -> Any:
        """Sends one request. Raises `ApiUnavailable`, and `ApiException` for everything that is an answer."""
        options[REQUEST_TIMEOUT] = _limit_timeouts(options.get(REQUEST_TIMEOUT))
        while True:
            try:
                reply = super().call_api(*args, **options)
            except (ApiException, HTTPError) as error:
                self._wait(error)
            else:
                self._log_end_of_outage()
                return reply

    def _wait(self, error: Exception) -> None:
        """Sleeps until the request is worth another attempt; raises `error` itself if it is an answer."""
        is_first = not self.outage.requests
        pause = self.outage.compute_pause(error, time.monotonic())
        if pause is None:
            self._log_end_of_outage()
            raise error
        if is_first:
            cause, retry_seconds = describe_error(error), self.outage.retry_seconds
            log.warning("Kubernetes does not answer (%s): waiting for up to %.0f s", cause, retry_seconds)
        time.sleep(pause)
        if isinstance(error, ApiException) and error.status == 401:
            self._renew_credentials()

    def _renew_credentials(self) -> None:
        try:
            self.configuration = self.read_configuration()
        except (ConfigException, OSError) as error:  # another program may be replacing the file
            log.warning("The kubeconfig cannot be read at the moment: %s", error)
            return
        self.rest_client = RESTClientObject(self.configuration)

    def _log_end_of_outage(self) -> None:
        seconds = self.outage.end(time.monotonic())
        if seconds is not None:
            log.info("Kubernetes answers again, after %.0f s", seconds)


class RetryingHook(KubernetesHook):  # type: ignore[misc]  # the provider publishes no types
    """The provider's hook, whose client repeats its requests."""

    def get_conn(self) -> RetryingClient:
        """Returns a client of the cluster of the hook's arguments. Raises `ConfigException`, `AirflowFailException`."""
        try:
            outage = Outage(read_retry_seconds())
        except ValueError as error:
            raise AirflowFailException(str(error)) from None
        return RetryingClient(self._read_configuration(), self._read_configuration, outage)

    def _read_configuration(self) -> Configuration:
        configuration = super().get_conn().configuration
        configuration.retries = False  # `RetryingClient` retries; the retries of the pool would multiply every timeout
        return configuration


def _limit_timeouts(timeouts: Any) -> tuple[float, float]:
    """Returns the seconds to connect and to wait for bytes; `timeouts` is the caller's, a number or a pair."""
    if isinstance(timeouts, tuple):
        return min(CONNECT_SECONDS, timeouts[0]), timeouts[1]
    return CONNECT_SECONDS, timeouts or ANSWER_SECONDS
