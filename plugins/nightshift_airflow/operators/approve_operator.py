"""`approve`: a person approves a promotion that the gate allows, or rejects it.

The task sends an approval request and waits without a worker slot and without a triggerer. Whatever the response, the
task succeeds and `promote` runs, because `promote` records a rejection with the name of the person.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import BaseOperatorLink, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskAwaitingInput

from nightshift.errors import BadConfig, NightshiftError, TryLater
from nightshift.reasons import LONGEST_REASON
from nightshift.results import EvaluateResult
from nightshift_airflow.airflow_upstream import send_approval_request
from nightshift_airflow.operators.approval_request import ApprovalRequest, find_refusal, make_request
from nightshift_airflow.operators.approval_response import read_response
from nightshift_airflow.operators.task_links import HISTORY, LINKS
from nightshift_airflow.runs.night_of_run import Calendar, find_night, read_run

VERDICT = EvaluateResult.verb
RESPONSE_FORM = {
    "reason": Param(
        "",
        type=["null", "string"],
        maxLength=LONGEST_REASON,
        title="Reason",
        description="Why, in a sentence for whoever asks later. It may be left empty.",
    )
}


class ApproveOperator(ApprovalOperator):
    """Requests a person's approval of the night's verdict. Skipped if there is nothing to approve.

    Its `params` are `RESPONSE_FORM`.
    """

    template_fields: Sequence[str] = ()  # subject and body are made from the record, and no template ever sees them
    operator_extra_links: Sequence[BaseOperatorLink] = (*LINKS, HISTORY)
    ui_color = "#fff3e0"

    def __init__(self, *, model: str, title: str, calendar: Calendar, **kwargs: Any) -> None:
        # No response in time is a rejection: Airflow then gives this response instead of failing the task.
        super().__init__(subject=f"{model}: promotion", defaults=self.REJECT, **kwargs)
        self.model = model
        self.verb = VERDICT  # the result that the button leads to
        self.title = title
        self.calendar = calendar
        self.night: date | None = None

    def execute(self, context: Any) -> Any:
        """Sends the request, and parks the task. Raises Airflow's skip if there is nothing to approve."""
        try:
            self.night = find_night(read_run(context), self.calendar)
            request = self._make_request(self.night)
        except TryLater as error:
            raise AirflowException(str(error)) from None
        except NightshiftError as error:
            raise AirflowFailException(str(error)) from None
        self.subject, self.body = request.subject, request.body
        self._require_shown(context)
        try:
            return super().execute(context)
        except TaskAwaitingInput as waiting:
            waiting.kwargs = {"about": request.about}
            raise

    def execute_complete(self, context: Any, event: dict[str, Any], about: str = "") -> dict[str, str]:
        """Returns the response, for `promote`. Unlike `ApprovalOperator` it skips nothing after a rejection."""
        self.night = find_night(read_run(context), self.calendar)
        HITLOperator.execute_complete(self, context, event)
        response = read_response(event, self.APPROVE, about)
        because = f" because: {response['reason']}" if response["reason"] else ""
        self.log.info("%s by %s%s", response["outcome"], response["by"] or "nobody", because)
        return response

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Accepts any reason: one that is too long is cut, and never makes a response fail."""

    def _make_request(self, night: date) -> ApprovalRequest:
        """Returns the request about a night. Raises `NightshiftError`, and Airflow's skip if it is not needed."""
        store = _open_store()
        result = _load_result(store, self.model, night)
        refusal = find_refusal(result)
        if refusal:
            raise AirflowSkipException(refusal)
        request = make_request(self.title, self.model, night, result)
        no_effect = _find_no_effect(store, self.model, night, result)
        if no_effect:
            raise AirflowSkipException(no_effect)
        return request

    def _require_shown(self, context: Any) -> None:
        """Fails unless Airflow shows this very request: it keeps the request of an earlier try if it has one."""
        if send_approval_request(self, context["task_instance"].id) != (self.subject, self.body):
            raise AirflowFailException(
                "Airflow still shows the approval request about an earlier verdict of this run, and a response to that"
                " one must not count: is the plugin of Nightshift loaded? Trigger the night in a new run"
            )


def _open_store() -> Any:
    from nightshift.adapters.s3.object_store import ObjectStore
    from nightshift.settings import StorageSettings, read

    return ObjectStore(read(StorageSettings))


def _load_result(store: Any, model: str, night: date) -> EvaluateResult:
    from nightshift.adapters.s3 import step_results

    stored = step_results.load(store, model, night, EvaluateResult)
    if stored is None or stored.outcome != "done" or stored.detail is None:
        raise BadConfig(f"{VERDICT} of {model} has left no verdict for {night}: clear {VERDICT}, and it is made")
    return stored.detail


def _find_no_effect(store: Any, model: str, night: date, result: EvaluateResult) -> str | None:
    """Why a verdict in the challenger's favour changes nothing, as far as the ledger says."""
    from nightshift.adapters.s3.ledger import Ledger

    last, challenger = Ledger(store, model).load_last(), result.challenger_version
    if last is None:
        return None
    if last.champion_version == challenger:
        return f"version {challenger} is champion already, so there is nothing to approve"
    withdrawn = {version.version: version.run_id for version in last.withdrawn}
    # MLflow can give a withdrawn number to another version, which then has another run.
    if challenger in withdrawn and withdrawn[challenger] in ("", result.run_id):
        return f"version {challenger} was withdrawn, so there is nothing to approve"
    if last.champion_night and last.champion_night > night.isoformat():
        later = f"champion {last.champion_version} was trained for the later night {last.champion_night}"
        return f"superseded, so there is nothing to approve: {later}"
    return None
