"""The model card in sentences: its first paragraph, and how instants, numbers and causes are written, as plain text."""

from typing import Any

from nightshift.adapters.s3.ledger_entries import Cause, Entry
from nightshift.core.verdict import Verdict
from nightshift.model_card.card import ChampionPeriod, ModelCard
from nightshift.model_card.card import Decision as Decided
from nightshift.result_parts import Decision

MISSING = "not recorded"
STATE_LABELS = {
    "champion": "champion",
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


def format_instant(text: str) -> str:
    """An ISO 8601 instant in UTC for people, to the minute."""
    return f"{text[:16].replace('T', ' ')} UTC" if text else MISSING


def format_number(value: Any, signed: bool = False) -> str:
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


def format_nights(listed: tuple[str, ...]) -> str:
    """Nights in a row, by the first, the last and how many."""
    if not listed:
        return MISSING
    return listed[0] if len(listed) == 1 else f"{len(listed)} nights, {listed[0]} to {listed[-1]}"


def clean_text(text: str) -> str:
    """For a terminal, which obeys control characters: none of them comes from a record."""
    return "".join(character if character.isprintable() else "?" for character in text)


def describe_decision(decision: Decision | None) -> str:
    """What a person said, who and when, with the words that were given; empty where nobody is asked."""
    if decision is None:
        return ""
    if decision.outcome == "unanswered":
        return f"nobody answered until {format_instant(decision.at)}"
    because = f": “{decision.reason}”" if decision.reason else ""
    return f"{decision.outcome} by {decision.by or MISSING} at {format_instant(decision.at)}{because}"


def describe_cause(cause: Cause) -> str:
    """Who or what caused an entry, besides the run itself."""
    parts = [cause.kind if cause.kind not in ("", "shell") else "", cause.user and f"asked for by {cause.user}"]
    return ", ".join(part for part in (*parts, cause.backfill and f"backfill {cause.backfill}") if part)


def describe_relation(decided: Decided) -> str:
    """What an entry was to the version."""
    return KINDS.get(decided.relation, DECISIONS.get(decided.entry.kind, decided.entry.kind))


def build_opening(card: ModelCard) -> list[str]:
    """Returns the first paragraph: what the version is, its state, how it was judged, what it scored."""
    return [
        sentence
        for sentence in (
            _describe_training(card),
            _describe_state(card),
            describe_verdict(card),
            _describe_scores(card),
        )
        if sentence
    ]


def _describe_training(card: ModelCard) -> str:
    night = f"for the night {card.night}" if card.night else f"for a night that is {MISSING}"
    rows = f" on {count(card.data.rows)} rows of {format_nights(card.data.train_nights)}" if card.data.rows else ""
    estimator = card.origin.params.get("estimator")
    return f"Version {card.number} of {card.model} is {estimator or 'a model'} trained {night}{rows}."


def _describe_state(card: ModelCard) -> str:
    last = card.decisions[-1].entry if card.decisions else None
    period = card.periods[-1] if card.periods else None
    if card.state == "champion" and period is not None:
        return f"It is the champion since {format_instant(period.since)} (entry {period.entry} of the ledger)."
    if card.state in ("refused", "superseded") and last is not None:
        when = format_instant(last.when)
        return f"It was {_describe_refusal(card.state, last)} on {when} (entry {last.number}): {last.reason}."
    if card.state == "withdrawn":
        return f"It {_describe_period(period)}was withdrawn{_describe_withdrawal(card)}."
    if card.state == "replaced" and period is not None:
        by = f"version {period.by}" if period.by else "nobody"
        span = f"from {format_instant(period.since)} to {format_instant(period.until)}"
        return f"It was champion {span}, when {by} followed (entry {period.end})."
    if card.state == "judged":
        return "It was judged, and nothing is decided about it yet."
    return "It is registered and was never judged." if card.state == "registered" else "Its state is not recorded."


def _describe_withdrawal(card: ModelCard) -> str:
    by = [decided.entry for decided in card.decisions if decided.relation == "withdrew it"]
    if not by:
        return ""
    who = by[-1].cause.user or by[-1].cause.by
    return f" on {format_instant(by[-1].when)} by {who} (entry {by[-1].number}): {by[-1].reason}"


def _describe_refusal(state: str, entry: Entry) -> str:
    if state == "superseded":
        return "superseded"
    return "refused by a person" if entry.decision and entry.decision.outcome == "rejected" else "refused"


def _describe_period(period: ChampionPeriod | None) -> str:
    return f"was champion from {format_instant(period.since)} and " if period else ""


def describe_verdict(card: ModelCard) -> str:
    """The verdict in one sentence; empty when none is on record."""
    if card.evaluated is None:
        return ""
    verdict, champion = card.evaluated.verdict, card.evaluated.champion_version
    where = f"on {count(card.evaluated.rows)} rows of {format_nights(card.data.compared_nights)}"
    challenger_value = f"{verdict.metric.replace('_', ' ')} {format_number(verdict.challenger)}"
    if champion is None:
        return f"Without a champion to beat it reached {challenger_value} {where}."
    bound = f", at least {format_number(get_low(verdict), True)} at {share(verdict.confidence)} confidence"
    gain = f"a gain of {format_number(verdict.gain, True)}{bound if get_low(verdict) is not None else ''}"
    return (
        f"Against champion {champion} it reached {challenger_value} "
        f"and the champion {format_number(verdict.champion)} {where}: {gain}."
    )


def get_low(verdict: Verdict) -> float | None:
    """The lower bound of the gain, None where there is none."""
    return verdict.interval[0] if verdict.interval else None


def get_high(verdict: Verdict) -> float | None:
    """The upper bound of the gain, None where there is none."""
    return verdict.interval[1] if verdict.interval else None


def _describe_scores(card: ModelCard) -> str:
    current = sum(publication.replaced_by is None for publication in card.scored)
    if not card.scored:
        return "No predictions of it are on record."
    redone = len(card.scored) - current
    if not current:
        return (
            f"It scored {_format_night_count(redone)}, and none of its predictions stand: they were made again since."
        )
    also = f"; those of {redone} more were made again since" if redone else ""
    still = "still " if card.state == "withdrawn" and current else ""
    return f"Its predictions {still}stand for {_format_night_count(current)}{also}."


def _format_night_count(how_many: int) -> str:
    return "1 night" if how_many == 1 else f"{how_many} nights"
