"""The operator of every step: a pod that runs `nightshift VERB MODEL NIGHT`, and ends as the step ended.

It differs from `KubernetesPodOperator` in what a run depends on: the night is checked before any pod exists, exit codes
become skipped, failed or retried, a task that was killed is never green, and a failure is one sentence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import KubernetesApiException
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from nightshift.definition import Model
from nightshift.errors import BadConfig, NothingToDo
from nightshift_airflow import ending, night, pod
from nightshift_airflow.links import LINKS
from nightshift_airflow.pods import OnePodManager

STAMP = re.compile(r"\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")
RUN_ID = re.compile(r"[^\w.:+~-]", re.ASCII)
BACKFILL = "backfill"
LONGEST_RETRY_DELAY = timedelta(minutes=4)  # a run recovers within five minutes of a fault's end
PARTICULAR: Mapping[str, Mapping[str, Any]] = {
    "promote": {"max_active_tis_per_dag": 1},  # a backfill and the nightly run promote one after the other
    "score": {"trigger_rule": "none_failed"},  # after a refusal, too: with the champion that stands
}


class StepOperator(KubernetesPodOperator):  # type: ignore[misc]  # the provider publishes no types
    """One step of one model's night in a pod of its own."""

    # Only what is shown: nothing of a pod is ever made from a template, and the night is added after rendering.
    template_fields = ("arguments",)
    template_fields_renderers: Mapping[str, str] = {}
    operator_extra_links: Sequence[BaseOperatorLink] = LINKS
    ui_color = "#e8eaf6"
    env_vars: list[k8s.V1EnvVar]
    night_is = "data_interval_start"
    night_is_over = True

    def __init__(self, *, model: str, verb: str, timezone: str, arguments: list[str], **kwargs: Any) -> None:
        super().__init__(arguments=arguments, skip_on_exit_code=NothingToDo.exit_code, **kwargs)
        self.model = model
        self.verb = verb
        self.timezone = timezone
        self.before_night = arguments
        self.night: date | None = None
        self.last_line = ""

    def night_of(self, context: Mapping[str, Any]) -> date:
        """The night that the run processes. Raises `BadConfig`."""
        run = context["dag_run"]
        facts = night.Run(
            conf=run.conf or {},
            interval=context.get(self.night_is),
            now=datetime.now(UTC),
            backfill=run.run_type == BACKFILL,
        )
        return night.of(facts, self.timezone, whole=self.night_is_over)

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Adds the night to the arguments, so that what is shown is what runs. A bad night fails here, unretried."""
        super().render_template_fields(context, jinja_env)
        try:
            self.night = self.night_of(context)
        except BadConfig as error:
            raise AirflowFailException(str(error)) from None
        self.arguments = [*self.before_night, self.night.isoformat()]
        caused_by = RUN_ID.sub("_", f"{context['dag'].dag_id}:{context['run_id']}")
        self.env_vars = [*self.env_vars, k8s.V1EnvVar(name="NIGHTSHIFT_RUN_CAUSED_BY", value=caused_by)]

    def execute(self, context: Any) -> None:
        """Runs the pod and follows its log to the end."""
        self.log_formatter = self._line
        with self._ended_plainly():
            super().execute(context)

    def trigger_reentry(self, context: Any, event: dict[str, Any]) -> None:
        """Goes on after a deferral."""
        with self._ended_plainly():
            super().trigger_reentry(context, event)

    @cached_property
    def pod_manager(self) -> OnePodManager:
        """The manager that never makes a second pod."""
        return OnePodManager(kube_client=self.client, callbacks=self.callbacks)

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Any) -> k8s.V1Pod:
        """The pod of this task; one that was made while the task was being killed is deleted at once."""
        found = super().get_or_create_pod(pod_request_obj, context)
        if self._killed:
            self.pod = found
            super().on_kill()
            raise AirflowException("killed while the pod was being made")
        return found

    def cleanup(self, pod: k8s.V1Pod, remote_pod: k8s.V1Pod, xcom_result: Any = None, context: Any = None) -> None:
        """Deletes the pod and raises what its ending calls for, in a sentence."""
        last = self._last_seen(remote_pod)
        try:
            super().cleanup(pod, last or remote_pod, xcom_result, context)
        except AirflowException as error:
            raise ending.of(last, self.base_container_name, self.last_line, error.__context__).error() from None

    def on_kill(self) -> None:
        """Deletes the pod, also one whose creation has not been answered yet."""
        self.pod = self.pod or self.pod_request_obj
        super().on_kill()

    @contextmanager
    def _ended_plainly(self) -> Iterator[None]:
        """A killed task fails whatever its pod did, and a Kubernetes API that is gone is named."""
        try:
            yield
        except TaskDeferred:
            raise
        except (ApiException, ConfigException, HTTPError, KubernetesApiException) as error:
            self._fail_if_killed()
            raise self._of_call(error).error() from None
        except Exception:
            self._fail_if_killed()
            raise
        self._fail_if_killed()

    def _of_call(self, error: Exception) -> ending.Ending:
        """Kubernetes refused a call, or does not answer, or no longer knows the pod that it made."""
        if self.pod and isinstance(error, ApiException) and error.status == 404:
            return ending.of(None, self.base_container_name, self.last_line, error)
        return ending.of_call(error)

    def _fail_if_killed(self) -> None:
        if self._killed:
            name = self.pod.metadata.name if self.pod else "none yet"
            message = f"the task was killed: its pod ({name}) is deleted, and what it had not published is not visible"
            raise AirflowException(message) from None

    def _last_seen(self, remote_pod: k8s.V1Pod | None) -> k8s.V1Pod | None:
        """The pod as it is now, for its reasons; None when it is gone."""
        if remote_pod is None or self._killed or remote_pod.status.phase in ("Succeeded", "Failed"):
            return remote_pod
        try:
            return self.client.read_namespaced_pod(remote_pod.metadata.name, remote_pod.metadata.namespace)
        except ApiException as error:
            return None if error.status == 404 else remote_pod
        except HTTPError:
            return remote_pod

    def _line(self, container: str, line: str) -> str:
        """A line of the step's log without its time of day, which Airflow's log has too."""
        del container
        self.last_line = STAMP.sub("", line).rstrip()
        return self.last_line


class DeliveryOperator(StepOperator):
    """Lands a replayed model's data up to the day on which the run's data interval ends, which may still be running."""

    operator_extra_links = ()
    night_is = "data_interval_end"
    night_is_over = False


def deliver(model: Model) -> DeliveryOperator:
    """The task that stands in for whoever delivers the data of `model`."""
    return DeliveryOperator(
        task_id="deliver",
        verb="deliver",
        cmds=["nightshift"],
        arguments=["seed", model.name, "--until"],
        **common(model, "deliver"),
    )


def step(model: Model, verb: str) -> StepOperator:
    """The task of one step of `model`: everything about it comes from the definition."""
    return StepOperator(
        task_id=verb,
        verb=verb,
        cmds=["nightshift"],
        arguments=[verb, model.name],
        **common(model, verb),
        **PARTICULAR.get(verb, {}),
    )


def common(model: Model, verb: str) -> dict[str, Any]:
    """What every task of `model` has: its pod, its owner, its patience."""
    resources = model.resources_of(verb)
    return {
        "name": f"{model.name}-{verb}".replace("_", "-"),
        "model": model.name,
        "timezone": model.schedule.timezone,
        "owner": model.owner,
        "retries": model.schedule.retries,
        "retry_delay": model.schedule.retry_delay,
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_RETRY_DELAY,
        "execution_timeout": pod.longest(resources),
        **pod.policy(resources, {"nightshift-model": model.name, "nightshift-verb": verb}),
    }
