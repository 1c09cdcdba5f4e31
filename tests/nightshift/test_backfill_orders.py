"""Any order of a backfill: what must hold holds after it, against the real registry, store, ledger, steps and gate.

A schedule is any interleaving that keeps each night's own order of steps, with up to `active` nights in flight; steps
are run again at any time, nights are blocked or missing, and somebody rolls back in the middle.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from nightshift.adapters.mlflow.registry import Registry
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import ModelContext, open_context
from nightshift.core.gate import Holdout, Predicted, judge
from nightshift.definition import Model
from nightshift.errors import DONE, BadConfig, DataRejected, NothingToDo
from nightshift.promotion.set_champion import Request, set_champion
from nightshift.run_step import perform
from nightshift.settings import RunSettings
from support.backfill_invariants import require_invariants, require_one_version_per_night
from support.light_nights import Forge, build_model, build_night_of_rows, land, predict_version, save_validations
from support.stored_results import judged

FIRST = date(2013, 3, 1)
ONE_DAY = timedelta(days=1)
VERBS = ("validate", "train", "evaluate", "promote")
SKILLS = (0.05, 0.3, 0.5, 0.7, 0.9, 1.0)
bounded = partial(
    settings,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    # No shrinking: every example runs real servers for seconds.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
_numbers = count(1)


@dataclass(frozen=True)
class Schedule:
    """One way that a backfill may go. Nights are numbered from 0; `picks` chooses the night that makes its next step.

    `reruns`: after which steps which of the steps made so far is made again. `withdrawal`: after how many steps.
    `races`: the steps in which, if they promote, another night in flight promotes first, after this one had looked.
    """

    order: tuple[int, ...]
    skills: tuple[float, ...]
    active: int = 1
    picks: tuple[int, ...] = (0,)
    reruns: dict[int, int] = field(default_factory=dict)
    blocked: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    withdrawal: int | None = None
    races: frozenset[int] = frozenset()


@st.composite
def schedules(draw: Any, nights: int) -> Schedule:
    """Any schedule of that many nights."""
    some = st.frozensets(st.integers(0, nights - 1), max_size=max(1, nights // 5))
    steps = nights * len(VERBS)
    return Schedule(
        order=tuple(draw(st.permutations(range(nights)))),
        skills=tuple(draw(st.lists(st.sampled_from(SKILLS), min_size=nights, max_size=nights))),
        active=draw(st.integers(1, 4)),
        picks=tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=steps))),
        reruns=draw(st.dictionaries(st.integers(1, steps), st.integers(0, steps), max_size=nights // 2)),
        blocked=draw(some),
        missing=draw(some),
        withdrawal=draw(st.none() | st.integers(steps // 3, steps)),
        races=draw(st.frozensets(st.integers(1, steps))),
    )


@dataclass
class Backfill:
    """One backfill of one model that nobody knew before."""

    store: ObjectStore
    model: Model
    registry: Registry
    schedule: Schedule
    made: list[tuple[date, str]] = field(default_factory=list)
    ended: dict[date, str] = field(default_factory=dict)

    def night(self, number: int) -> date:
        """The date of a night."""
        return FIRST + number * ONE_DAY

    def run(self) -> None:
        """Makes every step of every night."""
        waiting, moves = list(self.schedule.order), 0
        flying: list[tuple[date, list[str]]] = []
        while waiting or flying:
            while waiting and len(flying) < self.schedule.active:
                flying.append((self.night(waiting.pop(0)), list(VERBS)))
            night, verbs = flying[self.schedule.picks[moves % len(self.schedule.picks)] % len(flying)]
            moves += 1
            ready = [flight for flight in flying if flight[1][0] == "promote" and flight[0] != night]
            if verbs[0] == "promote" and ready and moves in self.schedule.races:
                flying.remove(ready[0])
                self._overtaken(night, ready[0][0])
                verbs.clear()
            elif not self.step(night, verbs.pop(0)):
                verbs.clear()
            if not verbs:
                flying.remove((night, verbs))
            self._meanwhile(moves)
        self.clear()

    def step(self, night: date, verb: str) -> bool:
        """Makes a step; False when it ends its night."""
        self.made.append((night, verb))
        if verb == "validate":
            self.ended[night] = self._validate((night - FIRST).days)
            return self.ended[night] == "done"
        result, code = perform(verb, open_context(self.model, night, self.store, RunSettings(kind="backfill")))
        too_early = code == DataRejected.exit_code and verb == "train" and "window" in result.summary
        assert code in (DONE, NothingToDo.exit_code) or too_early, result.summary
        self.ended[night] = result.outcome if too_early else f"{verb} {result.outcome}"
        return not too_early

    def _overtaken(self, night: date, other: date) -> None:
        """Promotes a night; another's whole promotion comes between its look and its entry."""
        append = Ledger.append

        def late(*given: Any, **named: Any) -> bool:
            patch.undo()
            self.step(other, "promote")
            return append(*given, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Ledger, "append", late)
            self.step(night, "promote")

    def clear(self) -> None:
        """Runs what came too early again, as a person does: no night of its window was validated yet."""
        early = (DataRejected.outcome, "train done", "evaluate done")
        for night in [night for night, ended in self.ended.items() if ended in early]:
            for verb in VERBS[1:]:
                assert self.step(night, verb), night

    def _validate(self, number: int) -> str:
        if number in self.schedule.missing:
            return "missing"
        blocked = number in self.schedule.blocked
        save_validations(self.store, self.model, [self.night(number)], blocked)
        return "blocked" if blocked else "done"

    def _meanwhile(self, moves: int) -> None:
        if moves in self.schedule.reruns:
            night, verb = self.made[self.schedule.reruns[moves] % len(self.made)]
            before = self.ended[night]
            self.step(night, verb)
            self.ended[night] = max(before, self.ended[night], key=_progress)
        if moves == self.schedule.withdrawal:
            withdraw(self)


def _progress(ended: str) -> int:
    verb = ended.split()[0]
    return VERBS.index(verb) if verb in VERBS else 0


def withdraw(backfill: Backfill) -> None:
    """Withdraws the champion, where there was one before it."""
    cause = Cause(by="a person", kind="manual")
    request = Request("previous", "it was wrong about rain", cause)
    with suppress(BadConfig):
        set_champion(ModelContext(backfill.model.name, backfill.store, backfill.registry), request)


Start = Callable[[Schedule], Backfill]


@pytest.fixture
def start(
    store: ObjectStore, bucket: str, mlflow_environment: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int, int], Start]:
    """Makes backfills of fresh models over partitions that all of them share."""
    assert mlflow_environment
    registry = Registry()

    def of(nights: int, train_days: int) -> Start:
        before = [FIRST - n * ONE_DAY for n in range(20, 0, -1)]
        land(
            store,
            build_model("shared", bucket, train_days),
            [*before, *(FIRST + n * ONE_DAY for n in range(nights + 1))],
        )

        def begun(schedule: Schedule) -> Backfill:
            model = build_model(f"orders_{next(_numbers)}", bucket, train_days)
            save_validations(store, model, before)
            Forge({FIRST + n * ONE_DAY: skill for n, skill in enumerate(schedule.skills)}).use(monkeypatch)
            return Backfill(store, model, registry, schedule)

        return begun

    return of


def holds(backfill: Backfill) -> list[Entry]:
    """What must hold after any backfill."""
    schedule = backfill.schedule
    entries = require_invariants(backfill.store, backfill.model, backfill.registry)
    silent = {backfill.night(n) for n in schedule.blocked | schedule.missing}
    others = {backfill.night(n) for n in schedule.order} - silent
    assert require_one_version_per_night(backfill.registry, backfill.model.name) == sorted(
        n.isoformat() for n in others
    )
    assert {night for night in others if not backfill.ended[night].startswith("promote")} == set()
    decided = {entry.night for entry in entries if entry.kind in ("promotion", "refusal", "superseded")}
    assert decided == {night.isoformat() for night in others}
    return entries


@pytest.mark.timeout(900)
def test_any_order_of_five_nights(start: Any) -> None:
    """A handful of schedules, the same every time; the slow variants try more of them, and longer ones."""
    begin = start(5, 8)

    @bounded(max_examples=4)
    @given(schedules(5))
    @example(Schedule(order=(4, 3, 2, 1, 0), skills=SKILLS, active=3, picks=(2, 0, 1)))
    @example(Schedule(order=(2, 4, 1, 0, 3), skills=SKILLS, active=2, reruns={n: n // 2 for n in range(4, 20)}))
    @example(Schedule(order=(0, 1, 2, 3, 4), skills=SKILLS, active=2, picks=(0, 1), races=frozenset(range(20))))
    def any_order(schedule: Schedule) -> None:
        backfill = begin(schedule)
        backfill.run()
        holds(backfill)

    any_order()


def fold(model: Model, schedule: Schedule, seeds: dict[str, int]) -> list[tuple[str, str | None, bool]]:
    """Night after night the challenger meets the champion: the plain thing, without any of the code under test.

    Gives each night, its champion's night, and whether it won. Only the gate itself and the seeds are shared.
    """
    lost = {FIRST + n * ONE_DAY for n in schedule.missing}
    gone = lost | {FIRST + n * ONE_DAY for n in schedule.blocked}
    skills = {FIRST + n * ONE_DAY: skill for n, skill in enumerate(schedule.skills)}
    champion: date | None = None
    reported = []
    for night in sorted(set(skills) - gone):
        recent = [night - n * ONE_DAY for n in range(5, -1, -1)]
        days = [day for day in recent if day not in gone and day - ONE_DAY not in lost]
        created = {day: build_night_of_rows(day, len({day - ONE_DAY, day - 2 * ONE_DAY} - gone)) for day in days}
        competitors = {item: skills[item] for item in (night, champion) if item is not None}
        won = _wins(model, created, competitors, seeds[night.isoformat()])
        reported.append((night.isoformat(), champion.isoformat() if champion else None, won))
        champion = night if won else champion
    return reported


def _wins(model: Model, made: dict[date, Any], competitors: dict[date, float], seed: int) -> bool:
    """Whether the first of the versions wins against the second, if there is one."""
    features = pd.concat([table for table, _ in made.values()], ignore_index=True)
    labels = np.concatenate([known for _, known in made.values()])
    day = np.repeat(np.array(list(made), dtype="datetime64[D]"), [len(known) for _, known in made.values()])
    region = np.where(features["row"] % 2 == 0, "north", "south").astype(str)
    ours, *theirs = [predict_version(night, skill, features) for night, skill in competitors.items()]
    says = Predicted(ours, theirs[0] if theirs else None)
    return judge(model.gate, "classification", Holdout(labels, day, {"region": region}), says, seed).promote


def _iso(night: date | None) -> str | None:
    return night.isoformat() if night else None


def test_one_night_after_the_other_is_the_plain_fold(start: Any) -> None:
    begin = start(6, 8)

    @bounded(max_examples=2)
    @given(schedules(6))
    def in_order(drawn: Schedule) -> None:
        schedule = replace(drawn, order=tuple(range(6)), active=1, picks=(0,), withdrawal=None)
        backfill = begin(schedule)
        backfill.run()
        entries = holds(backfill)
        seeds = {entry.night: judged(entry).seed for entry in entries}
        reported = [(e.night, _iso(judged(e).champion_night), e.kind == "promotion") for e in entries]
        assert reported == fold(backfill.model, schedule, seeds)
        assert {"superseded"} & {entry.kind for entry in entries} == set()

    in_order()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("nights", "train_days", "examples"), [(7, 8, 6), (30, 40, 1)])
def test_any_order_of_more_nights(start: Any, nights: int, train_days: int, examples: int) -> None:
    begin = start(nights, train_days)

    @bounded(max_examples=examples)
    @given(schedules(nights))
    def any_order(schedule: Schedule) -> None:
        backfill = begin(schedule)
        backfill.run()
        holds(backfill)

    any_order()
