"""Scheduled rows and what happened to them, joined by key: exactly, and counted."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nightshift.core.metrics import Floats, Indices
from nightshift.definition import Model
from nightshift.modelling.join_keys import make_comparable, require_keys
from nightshift.result_parts import JoinCounts

log = logging.getLogger("nightshift.joins")
ABSENT = -1
ROUNDING = 1e-6
"""Rows: a share that is just reached is reached, however its product is rounded."""
Text = Callable[[Any], Any]
FORGIVING: Mapping[str, Text] = {
    "spaces": lambda text: text.str.strip(),
    "case": lambda text: text.str.casefold(),
    "unicode": lambda text: text.str.normalize("NFC"),
    "all": lambda text: text.str.normalize("NFC").str.casefold().str.strip(),
}
"""Ways in which two keys that people take for one differ as text."""
SAID: Mapping[str, str] = {
    "spaces": "would without the spaces around a key",
    "case": "would if letter case were ignored",
    "unicode": "would in one Unicode form (NFC)",
    "all": "would with all of these",
}


@dataclass(frozen=True)
class NightJoin:
    """How the rows of one night found each other.

    `matched`: scheduled rows that find facts; `without_label`: those of them that have no label; `repeated`: rows of
    either side that repeat a key, which leaves nothing to join; `would_match`: of the scheduled rows that find none,
    how many would if text was compared otherwise.
    """

    night: date
    scheduled: int
    facts: int
    matched: int = 0
    without_label: int = 0
    repeated: int = 0
    would_match: Mapping[str, int] | None = None

    @property
    def unmatched_scheduled(self) -> int:
        """Scheduled rows that find no facts."""
        return self.scheduled - self.matched

    @property
    def unmatched_facts(self) -> int:
        """Facts that nobody scheduled."""
        return self.facts - self.matched

    @property
    def perfect(self) -> bool:
        """Whether every row of either side found its other half."""
        return not (self.repeated or self.unmatched_scheduled or self.unmatched_facts)

    def find_objection(self, least: float) -> str | None:
        """Why the night is left out, or None. `least`: the smallest share of scheduled rows that must find facts."""
        if self.repeated:
            return f"{self.repeated} of its rows repeat a key, so that nobody knows which belong together"
        if self.matched < least * self.scheduled - ROUNDING:
            return f"{self}, below the definition's min_matched_share of {least:.4g}"
        if not self.matched:
            return f"{self}"
        return "none of its rows has a label" if self.without_label == self.matched else None

    def list_counts(self) -> JoinCounts:
        """Returns the counts as results keep them."""
        return JoinCounts(
            night=self.night,
            scheduled=self.scheduled,
            facts=self.facts,
            matched=self.matched,
            without_label=self.without_label,
            repeated=self.repeated,
            unmatched_scheduled=self.unmatched_scheduled,
            unmatched_facts=self.unmatched_facts,
            would_match=dict(self.would_match or {}),
        )

    def __str__(self) -> str:
        """One sentence for people."""
        if self.repeated:
            return f"{self.repeated} of {self.scheduled + self.facts} rows repeat a key"
        would = [f"{count} {SAID[name]}" for name, count in (self.would_match or {}).items()]
        hints = f" ({', '.join(would)})" if would else ""
        return (
            f"{self.matched} of {self.scheduled} scheduled rows find facts, {self.unmatched_scheduled} do not{hints}, "
            f"and {self.unmatched_facts} of {self.facts} facts were not scheduled"
        )


@dataclass(frozen=True)
class Joined:
    """A join and its counts. `rows`: for each scheduled row the position of its facts, or `ABSENT`."""

    rows: Indices
    counts: NightJoin

    def join_labels(self, of_facts: Floats) -> "tuple[Floats, NightJoin]":
        """The label of each scheduled row, NaN where there is none; and the counts with those that have none."""
        matched = self.rows != ABSENT
        labels = np.where(matched, np.append(of_facts, np.nan)[self.rows], np.nan)
        return labels, replace(self.counts, without_label=int((matched & np.isnan(labels)).sum()))


def join(model: Model, night: date, scheduled: pd.DataFrame, facts: pd.DataFrame) -> Joined:
    """Joins a night's rows by the model's key.

    Raises `DataRejected` for key columns that are not there, hold nulls or nested values, or differ in their types.
    """
    require_keys(scheduled, model.key, f"scheduled rows of {night}")
    require_keys(facts, model.key, f"facts of {night}")
    scheduled_keys, facts_keys = make_comparable(scheduled, facts, model.key, str(night))
    counts = NightJoin(night, len(scheduled_keys), len(facts_keys))
    if repeated := int(scheduled_keys.duplicated().sum() + facts_keys.duplicated().sum()):
        return Joined(np.full(len(scheduled_keys), ABSENT), replace(counts, repeated=repeated))
    rows = _find_positions(scheduled_keys, facts_keys)
    free = ~np.isin(np.arange(len(facts_keys)), rows)
    would = _count_near_matches(scheduled_keys[rows == ABSENT], facts_keys[free])
    return Joined(rows, replace(counts, matched=int((rows != ABSENT).sum()), would_match=would))


def tell(joins: Sequence[NightJoin]) -> None:
    """Logs a line for each night whose rows do not all find each other, and one for all nights."""
    for night_join in joins:
        if not night_join.perfect:
            log.info("night %s: %s", night_join.night, night_join)
    matched = sum(night_join.matched for night_join in joins)
    scheduled = sum(night_join.scheduled for night_join in joins)
    spare = sum(night_join.unmatched_facts for night_join in joins)
    facts = sum(night_join.facts for night_join in joins)
    labelled = matched - sum(night_join.without_label for night_join in joins)
    log.info(
        "joined %d nights: %d of %d scheduled rows find facts, %d of them a label; %d of %d facts were not scheduled",
        len(joins),
        matched,
        scheduled,
        labelled,
        spare,
        facts,
    )


def _find_positions(scheduled: pd.DataFrame, facts: pd.DataFrame) -> NDArray[np.int64]:
    key, position = list(scheduled.columns), len(scheduled.columns)
    placed = facts.assign(position=np.arange(len(facts))).set_axis([*key, position], axis=1)
    positions = scheduled.merge(placed, on=key, how="left")[position]
    return np.asarray(positions.fillna(ABSENT).to_numpy(dtype=np.int64))


def _count_near_matches(scheduled: pd.DataFrame, facts: pd.DataFrame) -> dict[str, int]:
    """How many scheduled rows without facts would find some that are free, by what would have to be forgiven."""
    texts = [column for column in scheduled if _is_text(scheduled[column])]
    if not texts or scheduled.empty or facts.empty:
        return {}
    counts = {name: _count_forgiven(scheduled, facts, texts, forgive) for name, forgive in FORGIVING.items()}
    if counts["all"] <= max(count for name, count in counts.items() if name != "all"):
        del counts["all"]
    return {name: count for name, count in counts.items() if count}


def _count_forgiven(scheduled: pd.DataFrame, facts: pd.DataFrame, texts: Sequence[Any], forgive: Text) -> int:
    left, right = (side.assign().astype(object) for side in (scheduled, facts))
    for side in (left, right):
        for column in texts:
            side[column] = forgive(side[column].astype("str")).astype(object)
    return len(left.merge(right.drop_duplicates(), on=list(scheduled.columns), how="inner"))


def _is_text(column: Any) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) == "string"
