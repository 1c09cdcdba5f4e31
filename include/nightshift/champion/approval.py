"""What a person's answer means for a promotion that the gate allows."""

from nightshift.adapters.ledger import Decision
from nightshift.definition import Model
from nightshift.errors import BadConfig


def refused_because(model: Model, night: str, decision: Decision | None, key: str) -> str | None:
    """Why the promotion is refused, or None when it was approved. `key`: that of the verdict to be acted upon.

    Raises `BadConfig` when the model needs an answer and there is none.
    """
    if model.approval != "human":
        return None
    if decision is None:
        example = f"nightshift promote {model.name} {night} --decision approved --decided-by NAME --about {key}"
        raise BadConfig(f"model {model.name} is promoted only when a person agrees: say who did, with `{example}`")
    because = f": {decision.reason}" if decision.reason else ""
    if decision.outcome == "rejected":
        return f"rejected by {decision.by}{because}"
    if decision.outcome == "unanswered":
        return f"nobody answered within {_hours(model)}"
    if decision.about != key:
        return (
            f"{decision.by} approved another verdict ({decision.about}), and the champion or the data changed since "
            f"(the verdict is now {key}): clear evaluate to be asked again"
        )
    return None


def agreed(model: Model, decision: Decision | None) -> Decision | None:
    """The decision as the ledger keeps it: nobody is asked about a model that promotes by itself."""
    return decision if model.approval == "human" else None


def same(recorded: Decision | None, given: Decision | None) -> bool:
    """Whether both say the same; a rerun may say it at another moment."""
    if recorded is None or given is None:
        return recorded is given
    return (recorded.outcome, recorded.by, recorded.about) == (given.outcome, given.by, given.about)


def _hours(model: Model) -> str:
    hours = model.approval_timeout.total_seconds() / 3600
    return f"{hours:g} hours"
