"""A story in sentences: its first paragraph, and how instants, numbers and causes are written. All of it plain text."""

from typing import Any

from nightshift.adapters.s3.ledger_entries import Cause, Decision, Entry
from nightshift.model_card.card import Decision as Decided
from nightshift.model_card.card import Reign, Story

MISSING = "not recorded"
STANDS = {
    "reigns": "champion",
    "replaced": "replaced",
    "withdrawn": "withdrawn",
    "refused": "refused",
    "superseded": "superseded",
    "judged": "not decided yet",
    "registered": "never judged",
    "unknown": "not recorded",
}
KINDS = {"withdrew it": "withdrawn by a person", "replaced it": "replaced"}
DECISIONS = {"set_champion": "made champion by a person", "accept_end": "end of the ledger accepted"}


def instant(text: str) -> str:
    """An ISO 8601 instant in UTC for people, to the minute."""
    return f"{text[:16].replace('T', ' ')} UTC" if text else MISSING


def number(value: Any, signed: bool = False) -> str:
    """A number with four decimals, or that there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "undefined" if value is None else str(value)
    return f"{value:+.4f}" if signed else f"{value:.4f}"


def count(value: Any) -> str:
    """A count with separators."""
    return f"{value:,}" if isinstance(value, int) else MISSING


def share(value: Any) -> str:
    """A share as a percentage."""
    return f"{100 * value:.4g} %" if isinstance(value, int | float) else MISSING


def nights(found: tuple[str, ...]) -> str:
    """Nights in a row, by the first, the last and how many."""
    if not found:
        return MISSING
    return found[0] if len(found) == 1 else f"{len(found)} nights, {found[0]} to {found[-1]}"


def printable(text: str) -> str:
    """For a terminal, which obeys control characters: none of them comes from a record."""
    return "".join(character if character.isprintable() else "?" for character in text)


def decided(decision: Decision | None) -> str:
    """What a person said, who and when, with the words that were given; empty where nobody is asked."""
    if decision is None:
        return ""
    if decision.outcome == "unanswered":
        return f"nobody answered until {instant(decision.at)}"
    because = f": “{decision.reason}”" if decision.reason else ""
    return f"{decision.outcome} by {decision.by or MISSING} at {instant(decision.at)}{because}"


def caused(cause: Cause) -> str:
    """Who or what caused an entry, besides the run itself."""
    parts = [cause.kind if cause.kind not in ("", "shell") else "", cause.user and f"asked for by {cause.user}"]
    return ", ".join(part for part in (*parts, cause.backfill and f"backfill {cause.backfill}") if part)


def what(one: Decided) -> str:
    """What an entry was to the version."""
    return KINDS.get(one.relation, DECISIONS.get(one.entry.kind, one.entry.kind))


def opening(story: Story) -> list[str]:
    """The first paragraph: what the version is, where it stands, how it was judged, what it scored."""
    return [sentence for sentence in (_made(story), _standing(story), judged(story), _scored(story)) if sentence]


def _made(story: Story) -> str:
    night = f"for the night {story.night}" if story.night else f"for a night that is {MISSING}"
    rows = f" on {count(story.data.rows)} rows of {nights(story.data.train_nights)}" if story.data.rows else ""
    estimator = story.origin.params.get("estimator")
    return f"Version {story.number} of {story.model} is {estimator or 'a model'} trained {night}{rows}."


def _standing(story: Story) -> str:
    last = story.decisions[-1].entry if story.decisions else None
    reign = story.reigns[-1] if story.reigns else None
    if story.state == "reigns" and reign is not None:
        return f"It is the champion since {instant(reign.since)} (entry {reign.entry} of the ledger)."
    if story.state in ("refused", "superseded") and last is not None:
        return f"It was {_refused(story.state, last)} on {instant(last.when)} (entry {last.number}): {last.reason}."
    if story.state == "withdrawn":
        return f"It {_reigned(reign)}was withdrawn{_withdrawal(story)}."
    if story.state == "replaced" and reign is not None:
        by = f"version {reign.by}" if reign.by else "nobody"
        return (
            f"It reigned from {instant(reign.since)} to {instant(reign.until)}, when {by} followed (entry {reign.end})."
        )
    if story.state == "judged":
        return "It was judged, and nothing is decided about it yet."
    return (
        "It is registered and was never judged." if story.state == "registered" else "Where it stands is not recorded."
    )


def _withdrawal(story: Story) -> str:
    by = [one.entry for one in story.decisions if one.relation == "withdrew it"]
    if not by:
        return ""
    who = by[-1].cause.user or by[-1].cause.by
    return f" on {instant(by[-1].when)} by {who} (entry {by[-1].number}): {by[-1].reason}"


def _refused(state: str, entry: Entry) -> str:
    if state == "superseded":
        return "superseded"
    return "refused by a person" if entry.decision and entry.decision.outcome == "rejected" else "refused"


def _reigned(reign: Reign | None) -> str:
    return f"reigned from {instant(reign.since)} and " if reign else ""


def judged(story: Story) -> str:
    """The verdict in one sentence; empty when none is on record."""
    detail, verdict = story.verdict, story.verdict.get("verdict") or {}
    if not verdict:
        return ""
    rival = detail.get("champion_version")
    where = f"on {count(detail.get('rows'))} rows of {nights(story.data.compared_nights)}"
    ours = f"{str(verdict.get('metric', 'metric')).replace('_', ' ')} {number(verdict.get('challenger'))}"
    if rival is None:
        return f"Without a champion to beat it reached {ours} {where}."
    bound = f", at least {number(low(verdict), True)} at {share(verdict.get('confidence'))} confidence"
    gain = f"a gain of {number(verdict.get('gain'), True)}{bound if low(verdict) is not None else ''}"
    theirs = number(verdict.get("champion"))
    return f"Against champion {rival} it reached {ours} and the champion {theirs} {where}: {gain}."


def low(verdict: Any) -> Any:
    """The lower bound of the gain, None where there is none."""
    return (verdict.get("interval") or [None, None])[0]


def high(verdict: Any) -> Any:
    """The upper bound of the gain, None where there is none."""
    return (verdict.get("interval") or [None, None])[1]


def _scored(story: Story) -> str:
    standing = sum(one.replaced_by is None for one in story.scored)
    if not story.scored:
        return "No predictions of it are on record."
    redone = len(story.scored) - standing
    if not standing:
        return f"It scored {_nights(redone)}, and none of its predictions stand: they were made again since."
    also = f"; those of {redone} more were made again since" if redone else ""
    still = "still " if story.state == "withdrawn" and standing else ""
    return f"Its predictions {still}stand for {_nights(standing)}{also}."


def _nights(how_many: int) -> str:
    return "1 night" if how_many == 1 else f"{how_many} nights"
