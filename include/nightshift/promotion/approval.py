"""What a person's answer means for a promotion that the gate allows. It counts only for the record that was shown."""

import hashlib
import json

from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.definition import Model
from nightshift.errors import BadConfig
from nightshift.result_parts import Decision
from nightshift.results import EvaluateResult
from nightshift.stored_records import parse_plain, to_plain

CHANGED = "the champion changed after the verdict: clear evaluate to have a person asked"
"""Why a verdict that `promote` computed again is refused: nobody can have been asked about it."""
SHORT = 12
"""Digits of a digest in a sentence."""


def digest_record(result: EvaluateResult) -> str:
    """The SHA-256 of a result of `evaluate`, as 64 hexadecimal digits: what an answer is about.

    The idempotency key does not do: it names the work, and a step can write other numbers or another version beside it.
    `reused` is left out, which a verdict that is found again has set. Of the result as it is read from the store, where
    a whole number in place of a fraction has become one.
    """
    stored = to_plain(parse_plain(EvaluateResult, to_plain(result)))
    digested = {name: value for name, value in stored.items() if name != "reused"}
    text = json.dumps(digested, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find_refusal(model: Model, night: str, decision: Decision | None, about: str, *, judged_again: bool) -> str | None:
    """Why the promotion is refused, or None when it was approved. `about`: the digest of the record to be acted upon.

    `judged_again`: the verdict was made after a person could be asked. Raises `BadConfig` when the model needs an
    answer, could have one, and there is none.
    """
    if model.approval != "human":
        return None
    if decision is None and judged_again:
        return CHANGED
    if decision is None:
        example = f"nightshift promote {model.name} {night} --decision approved --decided-by NAME --about {about}"
        asks = f"model {model.name} is promoted only when a person agrees: clear evaluate to have one asked"
        raise BadConfig(f"{asks}, or say who did, with `{example}`")
    because = f": {decision.reason}" if decision.reason else ""
    if decision.outcome == "rejected":
        return f"rejected by {decision.by}{because}"
    if decision.outcome == "unanswered":
        return f"nobody answered within {_format_hours(model)}"
    if decision.about != about:
        return (
            f"{decision.by} approved another verdict ({decision.about[:SHORT]}), and the champion, the data or the "
            f"record changed since (it is now {about[:SHORT]}): clear evaluate to be asked again"
        )
    return None


def matches_answer(refusal: Entry, decision: Decision | None, about: str) -> bool:
    """Whether a refusal on record also refuses this answer.

    Not when nobody was asked then and somebody was now; nor when another record was refused then, and the answer is
    about the record of now.
    """
    if decision is None or refusal.verdict is None or not refusal.verdict.verdict.promote:
        return True
    if refusal.decision is None:
        return False
    return decision.outcome != "approved" or decision.about != about or digest_record(refusal.verdict) == about


def keep_decision(model: Model, decision: Decision | None) -> Decision | None:
    """The decision that the ledger keeps: none for a model that promotes by itself, about which nobody is asked."""
    return decision if model.approval == "human" else None


def is_same_answer(recorded: Decision | None, given: Decision | None) -> bool:
    """Whether both say the same; a rerun may say it at another moment."""
    if recorded is None or given is None:
        return recorded is given
    return (recorded.outcome, recorded.by, recorded.about) == (given.outcome, given.by, given.about)


def _format_hours(model: Model) -> str:
    hours = model.approval_timeout.total_seconds() / 3600
    return f"{hours:g} hours"
