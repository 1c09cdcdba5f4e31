"""`approve`: a person agrees to a promotion that the gate allows, or does not.

The task asks and is parked: it holds no worker slot and no triggerer while it waits. Whatever the answer, the task ends
well and `promote` runs, because a refusal is recorded there with the name of who refused.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import BaseOperatorLink, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskAwaitingInput
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload

from nightshift.errors import BadConfig, NightshiftError, TryLater
from nightshift.result import Result
from nightshift_airflow import answer, night, question
from nightshift_airflow.links import HISTORY, LINKS
from nightshift_airflow.step_operator import run_of

VERDICT = "evaluate"
FORM = {
    "reason": Param(
        "",
        type=["null", "string"],
        maxLength=answer.LONGEST_REASON,
        title="Reason",
        description="Why, in a sentence for whoever asks later. It may be left empty.",
    )
}


class ApproveOperator(ApprovalOperator):
    """Asks a person about the night's verdict. Skipped when there is nothing to ask. Its `params` are `FORM`."""

    template_fields: Sequence[str] = ()  # subject and body are made from the record, and no template ever sees them
    operator_extra_links: Sequence[BaseOperatorLink] = (*LINKS, HISTORY)
    ui_color = "#fff3e0"

    def __init__(self, *, model: str, title: str, calendar: night.Calendar, **kwargs: Any) -> None:
        # Nobody's answer is a refusal: Airflow gives this one when the time is up, instead of failing the task.
        super().__init__(subject=f"{model}: promotion", defaults=self.REJECT, **kwargs)
        self.model = model
        self.verb = VERDICT  # the result that the button leads to
        self.title = title
        self.calendar = calendar
        self.night: date | None = None

    def execute(self, context: Any) -> Any:
        """Asks, and parks the task. Raises Airflow's skip when there is nothing to ask."""
        try:
            self.night = night.of(run_of(context), self.calendar)
            asked = self._ask(self.night)
        except TryLater as error:
            raise AirflowException(str(error)) from None
        except NightshiftError as error:
            raise AirflowFailException(str(error)) from None
        self.subject, self.body = asked.subject, asked.body
        self._require_shown(context)
        try:
            return super().execute(context)
        except TaskAwaitingInput as waiting:
            waiting.kwargs = {"about": asked.about}
            raise

    def execute_complete(self, context: Any, event: dict[str, Any], about: str = "") -> dict[str, str]:
        """The answer, for `promote`. Unlike the operator it is made from, it skips nothing when the answer is no."""
        self.night = night.of(run_of(context), self.calendar)
        HITLOperator.execute_complete(self, context, event)
        said = answer.of(event, self.APPROVE, about)
        because = f" because: {said['reason']}" if said["reason"] else ""
        self.log.info("%s by %s%s", said["outcome"], said["by"] or "nobody", because)
        return said

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Takes any reason: one that is too long is cut, and never makes an answer that was given fail."""

    def _ask(self, day: date) -> question.Question:
        """The question about a night. Raises `NightshiftError`, and Airflow's skip when there is nothing to ask."""
        store = _store()
        result = _verdict(store, self.model, day)
        refused = question.refusal(self.model, day, result)
        if refused:
            raise AirflowSkipException(refused)
        asked = question.of(self.title, self.model, day, result)
        nothing = _decided(store, self.model, day, result.detail)
        if nothing:
            raise AirflowSkipException(nothing)
        return asked

    def _require_shown(self, context: Any) -> None:
        """Fails unless Airflow shows this very question: it keeps the one of an earlier try where it finds one."""
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        reply = SUPERVISOR_COMMS.send(
            msg=CreateHITLDetailPayload(
                ti_id=context["task_instance"].id,
                options=self.options,
                subject=self.subject,
                body=self.body,
                defaults=self.defaults,
                multiple=self.multiple,
                params=self.serialized_params,
                assigned_users=[],
            )
        )
        if (getattr(reply, "subject", None), getattr(reply, "body", None)) != (self.subject, self.body):
            raise AirflowFailException(
                "Airflow still shows the question about an earlier verdict of this run, and an answer to that one must"
                " not count: is the plugin of Nightshift loaded? Trigger the night in a new run"
            )


def _store() -> Any:
    from nightshift.adapters.storage import ObjectStore
    from nightshift.settings import StorageSettings, read

    return ObjectStore(read(StorageSettings))


def _verdict(store: Any, model: str, night: date) -> Result:
    from nightshift.adapters import results

    try:
        found = results.load(store, model, night, VERDICT)
    except (ValueError, RecursionError) as error:
        raise BadConfig(f"{VERDICT} of {model} has left what is no JSON for {night}: clear {VERDICT}") from error
    if found is None or found.outcome != "done":
        raise BadConfig(f"{VERDICT} of {model} has left no verdict for {night}: clear {VERDICT}, and it is made")
    return found


def _decided(store: Any, model: str, night: date, detail: Mapping[str, Any]) -> str | None:
    """Why a verdict in the challenger's favour changes nothing, as far as the ledger says."""
    from nightshift.adapters.ledger import Ledger

    last, challenger = Ledger(store, model).last(), int(detail["challenger_version"])
    if last is None:
        return None
    if last.champion_version == challenger:
        return f"version {challenger} is champion already, so there is nothing to approve"
    withdrawn = {version.version: version.run_id for version in last.withdrawn}
    # MLflow can give a withdrawn number to another version, which then came of another run.
    if challenger in withdrawn and withdrawn[challenger] in ("", str(detail.get("run_id", ""))):
        return f"version {challenger} was withdrawn, so there is nothing to approve"
    if last.champion_night and last.champion_night > night.isoformat():
        later = f"champion {last.champion_version} was trained for the later night {last.champion_night}"
        return f"superseded, so there is nothing to approve: {later}"
    return None
