"""The conversation with Kubernetes about pods, where the provider's own would go wrong."""

import json
from typing import Any

from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager
from kubernetes.client import ApiException
from kubernetes.client import models as k8s


class OnePodManager(PodManager):  # type: ignore[misc]  # the provider publishes no types
    """Makes each pod once, also when the reply to the first request is lost.

    The provider repeats a creation that was not answered. The second request is then told that the name exists, and
    because the name ends in random characters, that pod can only be the one the first request made.
    """

    def run_pod_async(self, pod: k8s.V1Pod, **kwargs: Any) -> k8s.V1Pod:
        """Makes `pod`, or returns it when an earlier request already did."""
        try:
            return super().run_pod_async(pod, **kwargs)
        except ApiException as error:
            if not _exists(error):
                raise
            self.log.info("The pod was made by a request whose reply was lost")
            return self.read_pod(pod)


def _exists(error: ApiException) -> bool:
    try:
        return bool(error.status == 409 and json.loads(error.body)["reason"] == "AlreadyExists")
    except (TypeError, ValueError, KeyError):
        return False
