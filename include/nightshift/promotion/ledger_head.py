"""The ledger's head: how the loss of entries is noticed, which the chain of digests cannot tell about the ledger's end.

One tag of the registered model in MLflow holds number and digest of the last entry that was synced. It is a blind
upsert, so it is read before the ledger is listed: only an end that is smaller even then is a loss.
"""

import hashlib
import re
from dataclasses import dataclass

from nightshift.adapters.mlflow.registry import LEDGER_HEAD, RegisteredModel, Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, serialize_entry
from nightshift.context import ModelContext
from nightshift.errors import BadConfig, NothingToDo, TryLater
from nightshift.promotion.append_decision import Proposal, append_to
from nightshift.promotion.build_entry import build_accepted_end
from nightshift.promotion.champion_state import ChampionState, read_state

TEXT = re.compile(r"\A([0-9]{6}) ([0-9a-f]{64})\Z")


@dataclass(frozen=True)
class Head:
    """The last entry that was synced, as MLflow's tag has it: its number (0: none) and the SHA-256 of its bytes."""

    number: int = 0
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.number:06d} {self.digest}"


def read_head(registered: RegisteredModel | None) -> Head:
    """The head in a registered model's tag; a text that is no head counts as none, and the next sync replaces it."""
    match = TEXT.match(registered.tags.get(LEDGER_HEAD, "") if registered else "")
    return Head(int(match[1]), match[2]) if match else Head()


def read_whole_state(context: ModelContext) -> tuple[RegisteredModel | None, ChampionState]:
    """The registered model, and the state of a ledger that has lost nothing. Raises `BadConfig` when it has."""
    # The head is read before the ledger is listed: only an end that is smaller even then is a loss.
    ledger, registered = context.ledger, context.registry.find_model(context.name)
    state = read_state(ledger)
    loss = describe_loss(read_head(registered), state, ledger)
    if loss:
        accept = f"`nightshift repair {ledger.model} --accept-end {state.end} --reason …`"
        raise BadConfig(
            f"{loss}: nothing is decided. Restore "
            f"{ledger.build_uri(0).rpartition('/')[0]}/ from the bucket's versions or a "
            f"backup; or go on from the end that is there with {accept}"
        )
    return registered, state


def describe_loss(head: Head, state: ChampionState, ledger: Ledger) -> str:
    """What of the ledger is lost, in a sentence; "" when it holds the entry that the head names."""
    if head.number > state.end:
        return f"the ledger of {ledger.model} ends at entry {state.end}, and MLflow knows of entry {head.number}"
    if not head.number:
        return ""
    digest = state.digest if head.number == state.end else ledger.find_digest(head.number)
    if digest is None:
        return f"entry {head.number} of the ledger of {ledger.model} is missing"
    if digest != head.digest:
        return f"entry {head.number} of the ledger of {ledger.model} is not the one that was appended: it was replaced"
    return ""


def write_head(registry: Registry, model: str, head: Head) -> None:
    """Sets the tag. MLflow has no condition for it: the caller reads it back."""
    registry.tag_model(model, LEDGER_HEAD, str(head))


def accept_end(context: ModelContext, number: int, reason: str, cause: Cause) -> Entry:
    """Appends an entry by which the ledger goes on from its end, and moves the head there.

    The one place where the head goes down. Raises `BadConfig` when the ledger does not end at `number`, `NothingToDo`
    when nothing is lost, `TryLater` when another entry was appended meanwhile.
    """
    ledger = context.ledger
    head, state = read_head(context.registry.find_model(context.name)), read_state(ledger)
    last = state.last
    if last is None or (last.kind, last.lost_head, last.number) != ("accept_end", str(head), number + 1):
        last = _append_accepted(ledger, state, head, number, reason, cause)
    write_head(context.registry, context.name, Head(last.number, hashlib.sha256(serialize_entry(last)).hexdigest()))
    return last


def _append_accepted(ledger: Ledger, state: ChampionState, head: Head, number: int, reason: str, cause: Cause) -> Entry:
    if state.end != number:
        raise BadConfig(f"the ledger of {ledger.model} ends at entry {state.end}, not at {number}: look at it again")
    if not describe_loss(head, state, ledger):
        raise NothingToDo(f"the ledger of {ledger.model} has all entries that MLflow knows of: nothing is to accept")
    entry = append_to(ledger, state, Proposal(build_accepted_end(state, str(head), reason, cause)))
    if entry is None:
        raise TryLater(f"another entry was appended to the ledger of {ledger.model} meanwhile: look at it again")
    return entry
