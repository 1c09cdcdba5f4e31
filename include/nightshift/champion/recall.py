"""Finds a decision that an earlier attempt of the same step made, so that a rerun finishes it and appends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from nightshift.adapters.ledger import Decision, Entry
from nightshift.adapters.registry_rest import DECIDING, LEDGER_ENTRY, Version
from nightshift.champion.approval import same
from nightshift.champion.court import Court
from nightshift.champion.identity import crowning, same_version, taken_away
from nightshift.champion.vouching import number_in


@dataclass(frozen=True)
class Question:
    """What is decided: may `version` be promoted on this verdict (its idempotency key), and what a person said."""

    version: Version
    key: str
    decision: Decision | None


def recalled(seen: Court, question: Question) -> Entry | None:
    """The entry that answers the question already, or None.

    A promotion or a rollback that made it champion answers for ever. What a hand did in MLflow is no answer to a
    verdict: an adoption answers only while that version reigns. A refusal answers for its verdict and its person's
    answer, and `superseded` only as long as a champion of a later night stands.
    """
    number = number_in(question.version.tags.get(LEDGER_ENTRY, ""))
    if 0 < number <= (seen.last.number if seen.last else 0):
        crowned = seen.ledger.entry(number)
        if same_version(question.version, crowned) and _crowns(crowned, seen, question):
            return crowned
    return next((entry for entry in _since(seen, question.version) if _answers(entry, seen, question)), None)


def withdrawal(seen: Court, number: int) -> Entry | None:
    """The rollback that took a version away, where it is withdrawn still; None when another version has its number."""
    if number not in seen.withdrawn or seen.last is None:
        return None
    for entry in seen.ledger.reigns(seen.last):
        began = crowning(seen.ledger, entry)
        if began.kind == "rollback" and began.withdrawn == number:
            return began if taken_away(seen.registry, seen.ledger, began) else None
    return None


def _since(seen: Court, version: Version) -> Iterator[Entry]:
    """The entries from the announced one on. Another attempt may have overwritten the tag, with an earlier number only:
    it announces the number after the last entry that it saw, in which it did not find itself.
    """
    last = seen.last.number if seen.last else 0
    first = number_in(version.tags.get(DECIDING, "").split(" ")[0]) or last + 1
    return (seen.ledger.entry(number) for number in range(first, last + 1))


def _crowns(entry: Entry, seen: Court, question: Question) -> bool:
    number = question.version.number
    if not entry.changes_champion or entry.champion_version != number:
        return False
    return entry.kind != "adoption" or (seen.champion is not None and seen.champion.number == number)


def _answers(entry: Entry, seen: Court, question: Question) -> bool:
    if entry.version != question.version.number or not same_version(question.version, entry):
        return False
    if _crowns(entry, seen, question):
        return True
    if entry.verdict.get("idempotency_key") != question.key:
        return False
    if entry.kind == "superseded":
        return seen.champion is not None and seen.champion.night > entry.trained_for
    return entry.kind == "refusal" and (entry.decision is None or same(entry.decision, question.decision))
