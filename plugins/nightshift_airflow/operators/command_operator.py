"""The operator of every pod: it runs one command of `nightshift`, and ends as the command ended.

It adds to `KubernetesPodOperator`: a run's configuration is checked before any pod exists, exit codes become skipped,
failed or retried, a task that was killed never succeeds, and a failure is one sentence.
"""

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
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
from nightshift_airflow.kubernetes.api_retries import ApiUnavailable
from nightshift_airflow.kubernetes.image_pull import is_final
from nightshift_airflow.kubernetes.pod_outcome import (
    Interruption,
    Outcome,
    read_call_failure,
    read_full_disk,
    read_outcome,
)
from nightshift_airflow.kubernetes_upstream import read_deadline
from nightshift_airflow.operators.single_pod_operator import SinglePodOperator
from nightshift_airflow.page_paths import add_addresses
from nightshift_airflow.runs.night_of_run import Calendar
from nightshift_airflow.runs.retry_policy import mark_lost
from nightshift_airflow.runs.triggered_by import make_annotations, make_environment

CALL_ERRORS = (ApiException, ConfigException, HTTPError, KubernetesApiException, ApiUnavailable)
"""What a call to Kubernetes raises if it was refused, or not answered."""
STAMP = re.compile(r"\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


class CommandOperator(SinglePodOperator):
    """One command of `nightshift` about one model, in a pod of its own. `make_arguments` says what a run adds to it."""

    # For display only: nothing of a pod is made from a template, and what the run adds is added after rendering.
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
        self.fixed_arguments = arguments
        self.last_line = ""
        self.timed_out = False
        self.succeeded = False

    def make_arguments(self, context: Mapping[str, Any]) -> list[str]:
        """Returns the arguments that depend on the run. Raises `BadConfig` if the run asks for what cannot be done."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a run adds to its command")

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Adds the run's own arguments, so that the page shows what runs. Bad ones fail here, and are not retried."""
        super().render_template_fields(context, jinja_env)
        try:
            self.arguments = [*self.fixed_arguments, *self.make_arguments(context)]
        except BadConfig as error:
            raise AirflowFailException(str(error)) from None
        triggered_by = make_environment(context["dag"].dag_id, context["dag_run"], str(self.image))
        self.annotations = {**self.annotations, **make_annotations(context["dag"].dag_id, context["dag_run"])}
        self.env_vars = [
            *self.env_vars,
            *(k8s.V1EnvVar(name=name, value=value) for name, value in triggered_by.items()),
        ]

    def execute(self, context: Any) -> None:
        """Runs the pod and follows its log to the end."""
        self.remember_try(context)
        with self._explain_failure():
            super().execute(context)

    def trigger_reentry(self, context: Any, event: dict[str, Any]) -> None:
        """Goes on after a deferral. A pod that no longer exists has not succeeded, whatever the event says."""
        self.remember_try(context)
        self.timed_out = event["status"] == "timeout" and time.time() >= read_deadline(event)
        with self._explain_failure():
            if event["status"] == "error":
                self._await_image(event)
            self._resume(context, event)

    def _resume(self, context: Any, event: dict[str, Any]) -> None:
        try:
            super().trigger_reentry(context, event)
        except AirflowException:
            if self.pod:
                raise
        if self.pod is None:
            raise PodNotFoundException(event["name"])

    def _await_image(self, event: dict[str, Any]) -> None:
        """Waits for an image whose registry is unavailable, which the trigger does not do."""
        name = k8s.V1ObjectMeta(name=event["name"], namespace=event["namespace"])
        current = self.read_current(k8s.V1Pod(metadata=name))
        problem = self.pod_manager.find_pull_problem(current) if current else None
        if problem and not is_final(*problem):
            with suppress(AirflowException):  # the pod's own status says better how it ended
                self.await_pod_start(current)

    def cleanup(self, pod: k8s.V1Pod, remote_pod: k8s.V1Pod, xcom_result: Any = None, context: Any = None) -> None:
        """Deletes the pod and raises the exception of its outcome, with one sentence."""
        last = self.read_current(remote_pod or self.pod)
        interruption = self._read_interruption(last, sys.exception())
        try:
            super().cleanup(pod, last or remote_pod, xcom_result, context)
        except AirflowException:
            raise read_outcome(last, self.base_container_name, self.last_line, interruption).make_error() from None
        if last and last.metadata.deletion_timestamp and not self.is_killed:
            sentence = f"the pod was deleted while it ended; its last line was: {self.last_line}"
            raise mark_lost(AirflowException(sentence))
        self.succeeded = bool(last and last.status and last.status.phase == "Succeeded" and not self.is_killed)

    def _read_interruption(self, last: k8s.V1Pod | None, error: BaseException | None) -> Interruption:
        """Returns what else is known of a pod that may not have ended by itself."""
        if self.is_killed or (last and last.status.phase == "Succeeded"):
            return Interruption(error)
        problem = self.pod_manager.await_pull_problem(last) if last else None
        event = self.pod_manager.find_removal_event(self.pod) if self.pod and not last else ""
        return Interruption(error, self.timed_out, event, problem[1] if problem else "")

    @contextmanager
    def _explain_failure(self) -> Iterator[None]:
        """Makes a killed task fail whatever its pod did, and explains an error in one sentence where it can."""
        self.log_formatter = self._format_line
        try:
            yield
        except TaskDeferred:
            raise
        except (Exception, AirflowTaskTimeout) as error:
            self._fail_if_killed()
            if not self.succeeded:
                self._raise_explained(error)
            # The pod has done its work, whatever this process could not read, write, or wait for afterwards.
            self.log.warning("The pod has succeeded, so the step has: %s does not matter", type(error).__name__)
        self._fail_if_killed()

    def _read_call_outcome(self, error: Exception) -> Outcome:
        """Returns the outcome if Kubernetes refused a call, does not answer, or no longer has the pod."""
        if self.pod and isinstance(error, ApiException) and error.status == 404:
            return self._make_vanished()
        return read_call_failure(error)

    def _raise_explained(self, error: BaseException) -> NoReturn:
        """Raises the exception that explains `error` in a sentence, else the error itself."""
        outcome = read_full_disk(error)
        if isinstance(error, CALL_ERRORS):
            outcome = self._read_call_outcome(error)
        elif isinstance(error, PodNotFoundException):
            outcome = self._make_vanished()
        if outcome is None:
            raise error
        raise outcome.make_error() from None

    def _make_vanished(self) -> Outcome:
        return read_outcome(None, self.base_container_name, self.last_line, Interruption())

    def _fail_if_killed(self) -> None:
        if self.is_killed:
            name = self.pod.metadata.name if self.pod else "none yet"
            message = f"the task was killed: its pod ({name}) is deleted, and what it had not published is not visible"
            raise mark_lost(AirflowException(message)) from None

    def write_logs(self, pod: k8s.V1Pod, *, follow: bool, since_time: Any) -> None:
        """Writes the log of a deferred task's pod as that of any other; if its time is up, as much as there is."""
        name = self.base_container_name
        follow = follow and not self.timed_out
        self.pod_manager.fetch_container_logs(
            pod, name, follow=follow, since_time=since_time, log_formatter=self.log_formatter
        )

    def _format_line(self, container: str, line: str) -> str:
        """Returns a line of the step's log without its time of day, which Airflow's log has too; notes the line."""
        del container
        self.last_line = add_addresses(STAMP.sub("", line).rstrip())
        return self.last_line
