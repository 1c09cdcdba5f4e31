"""The operator of every pod: it runs one command of `nightshift`, and ends as the command ended.

It differs from `KubernetesPodOperator` in what a run depends on: what was asked for is checked before any pod exists,
exit codes become skipped, failed or retried, a task that was killed is never green, and a failure is one sentence.
"""

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from math import inf
from typing import Any, NoReturn

from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import KubernetesApiException
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodNotFoundException
from airflow.sdk import BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout, TaskDeferred
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from nightshift.errors import BadConfig, NothingToDo
from nightshift_airflow import cause, ending, patience, pulling, tries
from nightshift_airflow.links import with_addresses
from nightshift_airflow.night import Calendar
from nightshift_airflow.one_pod_operator import OnePodOperator

CALLS = (ApiException, ConfigException, HTTPError, KubernetesApiException, patience.Away)
"""What a call to Kubernetes raises: it was refused, or not answered."""
STAMP = re.compile(r"\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


class CommandOperator(OnePodOperator):
    """One command of `nightshift` about one model, in a pod of its own. What a run adds to it is made by `words`."""

    # Only what is shown: nothing of a pod is ever made from a template, and what the run adds is added after rendering.
    template_fields = ("arguments",)
    template_fields_renderers: Mapping[str, str] = {}
    operator_extra_links: Sequence[BaseOperatorLink] = ()
    ui_color = "#e8eaf6"
    env_vars: list[k8s.V1EnvVar]
    night: date | None = None

    def __init__(self, *, model: str, verb: str, calendar: Calendar, arguments: list[str], **kwargs: Any) -> None:
        super().__init__(arguments=arguments, skip_on_exit_code=NothingToDo.exit_code, **kwargs)
        self.model = model
        self.verb = verb
        self.calendar = calendar
        self.always = arguments
        self.last_line = ""
        self.outlasted = False
        self.succeeded = False

    def words(self, context: Mapping[str, Any]) -> list[str]:
        """The arguments that depend on the run. Raises `BadConfig` for a run that asks for what cannot be."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a run adds to its command")

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Adds the run's own arguments, so that what is shown is what runs. Bad ones fail here, unretried."""
        super().render_template_fields(context, jinja_env)
        try:
            self.arguments = [*self.always, *self.words(context)]
        except BadConfig as error:
            raise AirflowFailException(str(error)) from None
        caused = cause.environment(context["dag"].dag_id, context["dag_run"], str(self.image))
        self.annotations = {**self.annotations, **cause.annotations(context["dag"].dag_id, context["dag_run"])}
        self.env_vars = [*self.env_vars, *(k8s.V1EnvVar(name=name, value=value) for name, value in caused.items())]

    def execute(self, context: Any) -> None:
        """Runs the pod and follows its log to the end."""
        self.remember_try(context)
        with self._ended_plainly():
            super().execute(context)

    def trigger_reentry(self, context: Any, event: dict[str, Any]) -> None:
        """Goes on after a deferral. A pod whose end nobody saw has not succeeded, whatever the trigger heard."""
        self.remember_try(context)
        self.outlasted = event["status"] == "timeout" and time.time() >= event.get("_execution_deadline", inf)
        with self._ended_plainly():
            if event["status"] == "error":
                self._await_image(event)
            self._go_on(context, event)

    def _go_on(self, context: Any, event: dict[str, Any]) -> None:
        try:
            super().trigger_reentry(context, event)
        except AirflowException:
            if self.pod:
                raise
        if self.pod is None:
            raise PodNotFoundException(event["name"])

    def _await_image(self, event: dict[str, Any]) -> None:
        """Waits where the trigger would not: for an image whose registry is away."""
        name = k8s.V1ObjectMeta(name=event["name"], namespace=event["namespace"])
        found = self.last_seen(k8s.V1Pod(metadata=name))
        problem = self.pod_manager.pull_problem(found) if found else None
        if problem and not pulling.is_final(*problem):
            with suppress(AirflowException):  # the pod says better what became of it
                self.await_pod_start(found)

    def cleanup(self, pod: k8s.V1Pod, remote_pod: k8s.V1Pod, xcom_result: Any = None, context: Any = None) -> None:
        """Deletes the pod and raises what its ending calls for, in a sentence."""
        last = self.last_seen(remote_pod or self.pod)
        interruption = self._interruption(last, sys.exception())
        try:
            super().cleanup(pod, last or remote_pod, xcom_result, context)
        except AirflowException:
            raise ending.of(last, self.base_container_name, self.last_line, interruption).error() from None
        if last and last.metadata.deletion_timestamp and not self._killed:
            sentence = f"the pod was deleted while it ended; its last line was: {self.last_line}"
            raise tries.lost(AirflowException(sentence))
        self.succeeded = bool(last and last.status and last.status.phase == "Succeeded" and not self._killed)

    def _interruption(self, last: k8s.V1Pod | None, error: BaseException | None) -> ending.Interruption:
        """What else is known of a pod that may not have ended by itself."""
        if self._killed or (last and last.status.phase == "Succeeded"):
            return ending.Interruption(error)
        about = last or self.pod
        pull = self.pod_manager.await_pull_problem(last) if last else None
        event = self.pod_manager.last_event(about) if about and not last else ""
        return ending.Interruption(error, self.outlasted, event, pull[1] if pull else "")

    @contextmanager
    def _ended_plainly(self) -> Iterator[None]:
        """A killed task fails whatever its pod did, and a Kubernetes API that is gone is named."""
        self.log_formatter = self._line
        try:
            yield
        except TaskDeferred:
            raise
        except (Exception, AirflowTaskTimeout) as error:
            self._fail_if_killed()
            if not self.succeeded:
                self._raise_plainly(error)
            # What its pod did is done, whatever this process could not read, write, or wait for any more.
            self.log.warning("The pod has succeeded, so the step has: %s does not matter", type(error).__name__)
        self._fail_if_killed()

    def _of_call(self, error: Exception) -> ending.Ending:
        """Kubernetes refused a call, or does not answer, or no longer knows the pod that it made."""
        if self.pod and isinstance(error, ApiException) and error.status == 404:
            return self._vanished()
        return ending.of_call(error)

    def _raise_plainly(self, error: BaseException) -> NoReturn:
        """Raises a sentence for what is known of `error`, else the error itself."""
        ended = ending.of_own_disk(error)
        if isinstance(error, CALLS):
            ended = self._of_call(error)
        elif isinstance(error, PodNotFoundException):
            ended = self._vanished()
        if ended is None:
            raise error
        raise ended.error() from None

    def _vanished(self) -> ending.Ending:
        return ending.of(None, self.base_container_name, self.last_line, ending.Interruption())

    def _fail_if_killed(self) -> None:
        if self._killed:
            name = self.pod.metadata.name if self.pod else "none yet"
            message = f"the task was killed: its pod ({name}) is deleted, and what it had not published is not visible"
            raise tries.lost(AirflowException(message)) from None

    def _write_logs(self, pod: k8s.V1Pod, follow: bool = False, since_time: Any = None) -> None:
        """Writes the log of a deferred pod as that of any other; of one whose time is up, what there is of it."""
        name = self.base_container_name
        follow = follow and not self.outlasted
        self.pod_manager.fetch_container_logs(
            pod, name, follow=follow, since_time=since_time, log_formatter=self.log_formatter
        )

    def _line(self, container: str, line: str) -> str:
        """A line of the step's log without its time of day, which Airflow's log has too."""
        del container
        self.last_line = with_addresses(STAMP.sub("", line).rstrip())
        return self.last_line
