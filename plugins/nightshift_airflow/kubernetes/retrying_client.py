"""The connection of every step to Kubernetes: each request is repeated for as long as `patience.py` says.

One place for all of them. The provider repeats some calls for 15 seconds, some for 45 and some not at all, and counts
attempts rather than time, so that an API which hangs instead of refusing is waited for four times as long.
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

from nightshift_airflow.kubernetes import api_retries as patience

CONNECTING = 10.0  # seconds
ANSWERING = 30.0  # seconds

log = logging.getLogger(__name__)


class PatientClient(ApiClient):  # type: ignore[misc]  # the client publishes no types
    """A client whose requests wait out an outage. `renewed` reads the credentials again, when they are refused."""

    def __init__(
        self, configuration: Configuration, renewed: Callable[[], Configuration], outage: patience.Outage
    ) -> None:
        super().__init__(configuration)
        self.renewed = renewed
        self.outage = outage

    def call_api(self, *args: Any, **options: Any) -> Any:
        """One request. Raises `patience.Away`, and `ApiException` for everything that is an answer."""
        options["_request_timeout"] = _timeouts(options.get("_request_timeout"))
        while True:
            try:
                reply = super().call_api(*args, **options)
            except (ApiException, HTTPError) as error:
                self._wait(error)
            else:
                self._say_it_is_over()
                return reply

    def _wait(self, error: Exception) -> None:
        """Sleeps until the request is worth another attempt; raises `error` itself when it is an answer."""
        is_first = not self.outage.requests
        pause = self.outage.pause(error, time.monotonic())
        if pause is None:
            self._say_it_is_over()
            raise error
        if is_first:
            what = patience.cause(error)
            log.warning("Kubernetes does not answer (%s): waiting for up to %.0f s", what, self.outage.patience)
        time.sleep(pause)
        if isinstance(error, ApiException) and error.status == 401:
            self._renew()

    def _renew(self) -> None:
        try:
            self.configuration = self.renewed()
        except (ConfigException, OSError) as error:  # it may be in the middle of being replaced
            log.warning("The kubeconfig cannot be read just now: %s", error)
            return
        self.rest_client = RESTClientObject(self.configuration)

    def _say_it_is_over(self) -> None:
        lasted = self.outage.over(time.monotonic())
        if lasted is not None:
            log.info("Kubernetes answers again, after %.0f s", lasted)


class PatientHook(KubernetesHook):  # type: ignore[misc]  # the provider publishes no types
    """The provider's way to the cluster, with a patient client."""

    def get_conn(self) -> PatientClient:
        """A client of the cluster that the hook's arguments name. Raises `ConfigException`, `AirflowFailException`."""
        try:
            outage = patience.Outage(patience.setting())
        except ValueError as error:
            raise AirflowFailException(str(error)) from None
        return PatientClient(self._configuration(), self._configuration, outage)

    def _configuration(self) -> Configuration:
        configuration = super().get_conn().configuration
        configuration.retries = False  # by us, and over time: the pool's own would multiply every timeout
        return configuration


def _timeouts(given: Any) -> tuple[float, float]:
    """Seconds to connect and to wait for bytes; `given` is what the caller asks for, a number or a pair."""
    if isinstance(given, tuple):
        return min(CONNECTING, given[0]), given[1]
    return CONNECTING, given or ANSWERING
