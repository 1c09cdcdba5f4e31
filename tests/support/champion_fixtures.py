"""Models whose champion changes without training anything: real registry, ledger, store and `promote`.

A version is a few bytes with a skill; `judge` stands in for `evaluate` and lets the higher skill win. Every tiny model
has a name of its own, so that a test can try a thing many times without cleaning up.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from nightshift.adapters.mlflow.connection import Server
from nightshift.adapters.mlflow.registry import KEY, NIGHT, SHA256, Registry
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.ledger import Ledger
from nightshift.adapters.s3.ledger_entries import Cause, Entry, LedgerVersion
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.context import Context, ModelContext, open_context
from nightshift.definition import Dataset, Gate, Model, Window
from nightshift.promotion.append_decision import Decided
from nightshift.promotion.champion_state import ChampionState, find_champion_on, read_state
from nightshift.promotion.consistency import find_disagreements
from nightshift.promotion.set_champion import Request, set_champion
from nightshift.promotion.sync_alias import sync_alias
from nightshift.result_parts import Decision
from nightshift.results import EvaluateResult, Outcome, Result, StepDetail, TrainResult
from nightshift.run_step import perform
from nightshift.settings import RunSettings
from nightshift.steps import evaluate
from support.stored_results import make_evaluation, make_result, make_train_result, make_verdict

FLOOR = 1
"""The skill that a version without a champion must have."""
_numbers = count(1)


def build_model(name: str, approval: Any = "automatic") -> Model:
    """A model without data."""
    facts, plan = (Dataset(name=n, uri=f"s3://lake/{n}/date={{night}}/") for n in ("facts", "plan"))
    window, gate = Window(train_days=5, holdout_days=4), Gate(metric="log_loss", floor=0.69)
    return Model(
        name=name,
        title="A tiny model",
        task="classification",
        owner="tests",
        docs="A model for tests.",
        facts=facts,
        scheduled=plan,
        key=("row",),
        window=window,
        gate=gate,
        approval=approval,
    )


@dataclass
class TinyModel:
    """One model, its registry and its ledger. `skills`: how good each version is."""

    store: ObjectStore
    registry: Registry
    model: Model
    skills: dict[int, int] = field(default_factory=dict)
    files: tuple[str, str, str] | tuple[()] = ()
    forgotten: int = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def context(self) -> ModelContext:
        """The clients of the model."""
        return ModelContext(self.name, self.store, self.registry)

    @property
    def ledger(self) -> Ledger:
        """The model's ledger."""
        return self.context.ledger

    @property
    def entries(self) -> list[Entry]:
        """The whole ledger, oldest first."""
        return list(self.ledger.iterate_newest_first())[::-1]

    @property
    def state(self) -> ChampionState:
        """The champion by the ledger."""
        return read_state(self.ledger)

    @property
    def alias(self) -> int | None:
        """The version that the alias champion names."""
        version = self.registry.find_champion(self.name)
        return version.number if version else None

    def build_step(self, night: date, decision: Decision | None = None, by: str = "a test") -> Context:
        """A step of the model."""
        return open_context(
            self.model, night, self.store, RunSettings(caused_by=by, kind="scheduled", user=""), decision
        )

    def train(self, night: date, skill: int) -> int:
        """Registers a version of a night; returns its number. Until `forget`, all are the same file."""
        run, model_id, sha = self._store_model()
        tags = {KEY: uuid4().hex[:20], NIGHT: night.isoformat(), SHA256: sha}
        body = {"name": self.name, "source": f"models:/{model_id}", "run_id": run, "model_id": model_id}
        created = self.registry.server.post("model-versions/create", body | {"tags": _build_tag_pairs(tags)})[
            "model_version"
        ]
        number = int(created["version"])
        self.skills[number] = skill
        self._save(night, make_train_result(number, run_id=run, artifact_sha256=sha))
        return number

    def _store_model(self) -> tuple[str, str, str]:
        """The run, the model and the digest that all versions share; made with the first one."""
        if not self.files:
            server, data = self.registry.server, f"model {self.forgotten} of {self.name}".encode()
            run = server.post("runs/create", {"experiment_id": "0", "start_time": 0})["run"]["info"]["run_id"]
            body = {"experiment_id": "0", "name": "model", "source_run_id": run}
            info = server.post("logged-models", body)["model"]["info"]
            folder = info["artifact_uri"].removeprefix("mlflow-artifacts:").lstrip("/")
            server.put_artifact(f"{folder}/model.skops", data)
            server.post("registered-models/create", {"name": self.name})
            self.files = (run, info["model_id"], hashlib.sha256(data).hexdigest())
        return self.files

    def judge(self, step: Context) -> Outcome[EvaluateResult]:
        """In place of `evaluate`: the champion of the night is met, and the higher skill wins."""
        trained = step_results.load(self.store, self.name, step.night, TrainResult)
        assert trained is not None
        assert trained.detail is not None
        number = trained.detail.version
        champion = find_champion_on(self.context, self.state, step.night, without=number)
        wins = self.skills[number] > (self.skills[champion.number] if champion else FLOOR)
        key = hashlib.sha256(f"{step.night} {number} {champion.number if champion else None}".encode()).hexdigest()[:20]
        reason = f"skill {self.skills[number]} {'wins' if wins else 'loses'}"
        detail = make_evaluation(
            make_verdict(wins, reason=reason),
            challenger_version=number,
            champion_version=champion.number if champion else None,
            champion_night=champion.night if champion else None,
            run_id=self.registry.load_version(self.name, number).run_id,
            idempotency_key=key,
        )
        return Outcome(summary=reason, detail=detail)

    def evaluate(self, night: date) -> str:
        """Judges the night's version, and stores that; returns the verdict's key."""
        outcome = self.judge(self.build_step(night))
        self._save(night, outcome.detail)
        return outcome.detail.idempotency_key

    def train_and_judge(self, night: date, skill: int) -> int:
        """Trains and judges a version; returns its number."""
        number = self.train(night, skill)
        self.evaluate(night)
        return number

    def promote(self, night: date, decision: Decision | None = None, by: str = "a test") -> Result[Any]:
        """Runs `promote` as the command line does."""
        return perform("promote", self.build_step(night, decision, by))[0]

    def make_champion(self, night: date, skill: int) -> int:
        """Trains, judges and promotes a version that must win."""
        number = self.train_and_judge(night, skill)
        result = self.promote(night)
        assert result.detail is not None, result.summary
        assert result.detail.promoted, result.summary
        return number

    def set_champion(
        self,
        target: str = "previous",
        reason: str = "it is bad",
        by: str = "set_champion:run-1",
        user: str = "ana",
        asked_at: datetime | None = None,
        unverified: bool = False,
    ) -> Decided:
        """Makes a version champion as an Airflow run does. `asked_at`: now, unless given."""
        cause = Cause(by=by, kind="manual", user=user)
        request = Request(target, reason, cause, unverified, asked_at or datetime.now(UTC))
        return set_champion(self.context, request)

    def sync(self) -> ChampionState:
        """Syncs the alias."""
        return sync_alias(self.context)

    def move_by_hand(self, number: int | None) -> None:
        """Moves the alias in MLflow, as a person or a late write does; None: takes it away."""
        if number is None:
            self.registry.remove_champion(self.name)
        else:
            self.registry.set_champion(self.name, number)

    def delete(self, number: int) -> None:
        """Deletes a version in MLflow."""
        self.registry.server.delete("model-versions/delete", {"name": self.name, "version": str(number)})

    def forget(self) -> None:
        """Deletes the registered model: MLflow gives its numbers again, to versions of another file."""
        server = self.registry.server
        server._send("DELETE", "/api/2.0/mlflow/registered-models/delete", f'{{"name": "{self.name}"}}'.encode(), 1)
        self.files = ()
        self.forgotten += 1

    def assert_synced(self) -> None:
        """Asserts that ledger, alias, head and registry agree."""
        assert find_disagreements(self.context) == []

    def _save(self, night: date, detail: StepDetail) -> None:
        step_results.save(self.store, make_result(detail, model=self.name, night=night, summary=detail.verb))


def _build_tag_pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


Make = Callable[..., TinyModel]


def build_maker(store: ObjectStore, registry: Registry, patch: pytest.MonkeyPatch) -> Make:
    """Makes tiny_models; `evaluate` judges by skill, and no model card is written unless asked for."""
    tiny_models: dict[str, TinyModel] = {}

    def judge(step: Context) -> Outcome[EvaluateResult]:
        return tiny_models[step.model.name].judge(step)

    def make(approval: str = "automatic") -> TinyModel:
        model = build_model(f"tiny_{next(_numbers)}", approval)
        return tiny_models.setdefault(model.name, TinyModel(store, registry, model))

    patch.setattr(evaluate, "run", judge)
    return make


class Killed(BaseException):
    """The process ended here."""


WRITES = [(ObjectStore, name) for name in ("_put", "delete")] + [
    (Server, name) for name in ("post", "patch", "delete", "put_artifact")
]
"""Every way in which a promotion or a person's choice changes anything."""


@dataclass
class Writes:
    """Counts writes, and calls `meet` at the one numbered `at` (from 1), before or after it took effect."""

    at: int = 0
    after: bool = False
    meet: Callable[[], None] = lambda: None
    made: int = 0
    named: list[str] = field(default_factory=list)

    @contextmanager
    def watch(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Watches every write within a `with` block."""
        with patch.context() as inner:
            for owner, name in WRITES:
                inner.setattr(owner, name, self._count_writes(getattr(owner, name)))
            yield

    def _count_writes(self, honest: Callable[..., Any]) -> Callable[..., Any]:
        def write(owner: Any, where: Any, *given: Any, **named: Any) -> Any:
            self.made += 1
            now = self.made == self.at
            self.named.append(f"{honest.__name__} {where}")
            if now and not self.after:
                self.meet()
            reply = honest(owner, where, *given, **named)
            if now and self.after:
                self.meet()
            return reply

        return write


@contextmanager
def stall_first_writer(number: int, meanwhile: Callable[[], object]) -> Iterator[None]:
    """Within a `with` block the first writer about to move the alias to a version stalls, and this happens before."""
    honest, met = Registry.set_champion, list[int]()

    def slow(registry: Registry, model: str, moved_to: int) -> None:
        if moved_to == number and not met:
            met.append(number)
            meanwhile()
        honest(registry, model, moved_to)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "set_champion", slow)
        yield
    assert met == [number]


def end_process() -> None:
    """Ends the process, as SIGKILL would."""
    raise Killed


def build_approval(by: str, about: str) -> Decision:
    """A person's yes."""
    return Decision(outcome="approved", by=by, about=about, at="2013-02-20T06:30:00+00:00")


def drop_run_details(entry: Entry) -> Entry:
    """An entry without what differs between two worlds in which the same was decided."""

    def drop_version_details(version: LedgerVersion) -> LedgerVersion:
        return replace(version, run_id="", artifact_sha256="")

    return replace(
        entry,
        model="",
        verdict=None,
        run_id="",
        artifact_sha256="",
        when="",
        previous_digest=None,
        cause=NOBODY,
        champion=entry.champion and drop_version_details(entry.champion),
        previous=entry.previous and drop_version_details(entry.previous),
        withdrawn=tuple(map(drop_version_details, entry.withdrawn)),
    )


NOBODY = Cause(by="")
