"""`set-champion`: a person says which version is champion, and the ledger records it.

`previous` goes back to the champion before. A version that never was champion passed no gate: it needs `--unverified`,
and the ledger marks it so.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from nightshift.adapters.mlflow.registry import SHA256, Version
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion
from nightshift.context import ModelContext
from nightshift.core.line_digest import digest_lines
from nightshift.errors import BadConfig, DataRejected, NothingToDo
from nightshift.instants import format_instant, read_instant
from nightshift.promotion.append_decision import Decided, Proposal, append_decision, build_version_key, find_entries
from nightshift.promotion.build_entry import build_set_champion
from nightshift.promotion.champion_state import ChampionState, identify, is_same_version, list_periods
from nightshift.promotion.ledger_head import read_whole_state
from nightshift.promotion.sync_alias import sync_alias

PREVIOUS, NONE = "previous", "none"
NUMBER = re.compile(r"\A[1-9][0-9]{0,8}\Z")


@dataclass(frozen=True)
class Request:
    """What a person asks for. `target`: the number of a version, `previous`, or `none` for no champion.

    `asked_at`: the instant at which the person asked, with a time zone; a version that became champion later was not
    meant. It is by the clock of Airflow's API server, or of the shell's machine, and is compared with the ledger's,
    which is that of the process that made the entry, to the second. No difference between clocks is allowed for.
    """

    target: str
    reason: str
    cause: Cause
    unverified: bool = False
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def keys(self) -> tuple[str, ...]:
        """What a retry of the same run finds its entry by; a shell has no run to tell its attempts by."""
        if self.cause.kind == "shell":
            return ()
        lines = (self.cause.kind, self.cause.by, self.target, self.reason)
        return (f"request-{digest_lines(lines, 20)}",)


@dataclass(frozen=True)
class _Target:
    """The version to make champion. `recorded`: how the ledger has it, if it was champion before."""

    version: Version
    recorded: LedgerVersion | None


def parse_target(text: str) -> str:
    """The target that a person named. Raises `BadConfig` unless it is a version's number, `previous` or `none`."""
    if text not in (PREVIOUS, NONE) and not NUMBER.match(text):
        raise BadConfig(f"version {text[:40]!r} is no version: write its number, {PREVIOUS}, or {NONE}")
    return text


def set_champion(context: ModelContext, request: Request) -> Decided:
    """Records a person's champion in the ledger and syncs MLflow; finds what an earlier attempt recorded.

    Raises `NothingToDo` when the version is champion already; `BadConfig` when it never was champion and is not marked
    as unverified, is gone, or another became champion since it was asked for; `DataRejected` when its stored model is
    not what was recorded; `TryLater` when S3 or MLflow fails.
    """
    setting = _Setting(context, request)
    decided = append_decision(context.ledger, lambda: read_whole_state(context)[1], setting.decide)
    sync_alias(context)
    return decided


class _Setting:
    """One request, while it is decided."""

    def __init__(self, context: ModelContext, request: Request) -> None:
        self._context, self._request = context, request
        self._present: tuple[LedgerVersion | None] | None = None

    def decide(self, state: ChampionState) -> Proposal | Decided:
        """The entry for the request, or the one that an earlier attempt appended."""
        earlier = self._find_done(state)
        if earlier is not None:
            return Decided(earlier, state, reused=True)
        self._require_unchanged(state)
        target = self._choose(state)
        self._require_meant(state)
        identity, unverified = (None, False) if target is None else (self._identify(target), target.recorded is None)
        request = self._request
        entry = build_set_champion(state, identity, request.reason, request.cause, unverified=unverified)
        return Proposal(entry, request.keys)

    def _find_done(self, state: ChampionState) -> Entry | None:
        """The entry of an earlier attempt of the same run, or of the same person for the same reason while it counts.

        The latter because a button that is pressed twice makes two runs.
        """
        request = self._request
        for key in request.keys:
            for entry in find_entries(self._context.ledger, state, key):
                if (entry.kind, entry.cause.by, entry.reason) == ("set_champion", request.cause.by, request.reason):
                    return entry
        if state.champion is None or not request.cause.user:
            return None
        made_entry = self._context.ledger.load_entry(state.champion.entry)
        same = (made_entry.kind, made_entry.cause.user, made_entry.reason) == (
            "set_champion",
            request.cause.user,
            request.reason,
        )
        return made_entry if same and request.target in (PREVIOUS, str(made_entry.version)) else None

    def _require_unchanged(self, state: ChampionState) -> None:
        """Raises `BadConfig` when the champion is not the one of the first look: nobody asked to replace that one."""
        if self._present is not None and self._present != (state.champion,):
            before, now = (
                None if champion is None else champion.version for champion in (*self._present, state.champion)
            )
            changed = f"the champion of {state.model} changed from {before} to {now} meanwhile"
            raise BadConfig(f"{changed}: nothing was changed; look at the history and ask again")
        self._present = (state.champion,)

    def _require_meant(self, state: ChampionState) -> None:
        """Raises `BadConfig` when the champion became it after the request: a queued or retried run comes later."""
        if state.champion is None:
            return
        entry = self._context.ledger.load_entry(state.champion.entry)
        if read_instant(entry.when) <= self._request.asked_at:
            return
        requested_at = format_instant(self._request.asked_at)
        became = f"version {state.champion.version} of {state.model} became champion at {entry.when}"
        raise BadConfig(
            f"{became}, after this was asked for at {requested_at}: nothing was changed; look and ask again"
        )

    def _choose(self, state: ChampionState) -> _Target | None:
        if self._request.target == PREVIOUS:
            return self._find_previous(state)
        if self._request.target == NONE:
            if state.last is not None and state.champion is None:
                raise NothingToDo(f"{state.model} has no champion already: nothing was changed")
            return None
        return self._find_named(state, int(self._request.target))

    def _find_previous(self, state: ChampionState) -> _Target:
        present = state.champion.version if state.champion else None
        for period in list_periods(self._context.ledger, state):
            if period.version != present and period.version not in state.withdrawn_versions:
                version = self._context.registry.find(state.model, period.version)
                if version is not None and _is_same_run(version, period):
                    return _Target(version, period)
        who = "no version" if present is None else f"version {present}"
        raise BadConfig(f"{who} is champion of {state.model} and no earlier champion is left to go back to")

    def _find_named(self, state: ChampionState, number: int) -> _Target:
        version = self._context.registry.load_version(state.model, number)
        if state.champion is not None and is_same_version(version, state.champion):
            raise NothingToDo(f"version {number} is champion of {state.model} already: nothing was changed")
        entries = [
            e for e in find_entries(self._context.ledger, state, build_version_key(number)) if e.changes_champion
        ]
        periods = (entry.champion for entry in entries if entry.champion is not None)
        recorded = next((period for period in periods if _is_same_run(version, period)), None)
        if recorded is None and not self._request.unverified:
            other = "is not the one that was champion, it has its number only" if entries else "never was champion"
            raise BadConfig(
                f"version {number} of {state.model} {other}: add --unverified to make it champion without a gate; "
                f"`nightshift history {state.model}` lists the versions that were"
            )
        return _Target(version, recorded)

    def _identify(self, target: _Target) -> LedgerVersion:
        """The target as the ledger records it. Raises `DataRejected` unless its stored model is what was recorded.

        A version of another system has no digest yet: it gets the tag, because only a tagged model is loaded.
        """
        version, stored = target.version, self._context.registry.compute_digest(target.version)
        cannot = f"version {version.number} of {version.model} cannot be champion"
        if stored is None:
            raise DataRejected(f"{cannot}: its model file is gone")
        tagged = version.tags.get(SHA256, "" if target.recorded else stored)
        recorded = target.recorded.artifact_sha256 if target.recorded else ""
        if stored != tagged or recorded not in ("", stored):
            known = tagged[:12] or "none"
            raise DataRejected(f"{cannot}: its model has the digest {stored[:12]}…, tagged {known}…: it was changed")
        if SHA256 not in version.tags:
            self._context.registry.tag_version(version, {SHA256: stored})
        return replace(target.recorded or identify(version), artifact_sha256=stored, entry=0)


def _is_same_run(version: Version, recorded: LedgerVersion) -> bool:
    """Whether it is the version that was champion; its file is compared when it is chosen."""
    return recorded.run_id in ("", version.run_id)
