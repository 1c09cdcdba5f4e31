"""The model card as data: what the records say of a version, by the sections of its page. Nothing is computed anew.

What no record has is None or empty, and the page says "not recorded". Instants are ISO 8601 in UTC, nights ISO dates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nightshift.adapters.s3.ledger_entries import Entry
from nightshift.results import EvaluateResult

State = Literal["champion", "replaced", "withdrawn", "refused", "superseded", "judged", "registered", "unknown"]
Relation = Literal["about it", "withdrew it", "replaced it"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """The validation of a partition. `page`: object key of its Data Docs page, empty when there is none.

    `same`: whether it checked the very rows that the version read, by content digest.
    """

    rows: int
    expectations: int
    failed: int
    page: str
    corrupted: bool
    same: bool


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One partition that was read. `date` is empty where its address names none.

    `digest`: of its rows as training read them, empty when only the comparison read it. `judged`: as the comparison
    read them, empty when it did not, or when it is not recorded.
    """

    uri: str
    dataset: str
    date: str
    digest: str
    judged: str
    check: Check | None

    @property
    def changed(self) -> bool:
        """Whether the comparison read other rows than training did."""
        return bool(self.digest and self.judged) and self.digest != self.judged


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the version was made from. `left_out`: night, reason and what it was left out of."""

    partitions: tuple[Partition, ...] = ()
    train_nights: tuple[str, ...] = ()
    holdout_nights: tuple[str, ...] = ()
    compared_nights: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    rows: int | None = None
    holdout_rows: int | None = None
    positive_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class ChampionPeriod:
    """From one ledger entry to another, or to now when `end` is None. `entry`, `end`: numbers of these entries.

    `by`: the version that followed, None when nobody did. `for_night`, `end_night`: what the version, and the one that
    followed, were trained for.
    """

    entry: int
    since: str
    for_night: str
    how: str
    end: int | None = None
    until: str = ""
    end_how: str = ""
    by: int | None = None
    end_night: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One entry of the ledger that concerns the version, and how."""

    relation: Relation
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One publication of predictions. `replaced_by`: the version whose predictions stand now, None: these stand."""

    night: str
    rows: int
    published: str
    attempt: str
    manifest: str
    replaced_by: int | None = None
    replaced: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the version came from: code, image, run. An empty string is "not recorded"."""

    code_version: str = ""
    model_code: str = ""
    image: str = ""
    caused_by: str = ""
    run_id: str = ""
    experiment: str = ""
    run_status: str = ""
    run_deleted: bool = False
    started: str = ""
    ended: str = ""
    created: str = ""
    artifact_sha256: str = ""
    idempotency_key: str = ""
    environment: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Everything on record about one version. `evaluated`: what `evaluate` did that was last acted upon or stored.

    `evaluated_from`: which record that is. `copied`: when MLflow's part was read, if it comes from a copy, else
    empty. `notes`: sentences on what is missing or odd in the records.
    """

    model: str
    number: int
    collected: str
    night: str
    state: State
    data: Data = field(default_factory=Data)
    origin: Origin = field(default_factory=Origin)
    metrics: Mapping[str, float] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    evaluated: EvaluateResult | None = None
    evaluated_from: str = ""
    decisions: tuple[Decision, ...] = ()
    periods: tuple[ChampionPeriod, ...] = ()
    scored: tuple[Scored, ...] = ()
    copied: str = ""
    notes: tuple[str, ...] = ()
