"""The data of the demo, by the steps' own command: landed, one night corrupted on purpose, earlier nights validated.

It runs beside Airflow's start, as ordinary processes with the environment that the steps' pods get.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import models
from local_platform.demo.night_plan import Plan, consecutive, days, history
from local_platform.errors import NotReady
from local_platform.marked_processes import MARK
from local_platform.one_machine.platform import Platform
from local_platform.services.service import BIN
from nightshift.adapters.storage import ObjectStore
from nightshift.errors import DONE, DataRejected

Told = Callable[[str], None]
CAUSE = "make demo"


@dataclass(frozen=True)
class Preparation:
    """What is to be prepared, and where its output goes."""

    platform: Platform
    plan: Plan
    store: ObjectStore

    @property
    def log(self) -> Path:
        """Everything the commands say."""
        return self.platform.home.logs / "demo.log"

    def run(self, told: Told) -> str:
        """Does what is not done yet; `told` gets a line now and then. Returns a sentence, or raises `NotReady`."""
        self._nightshift(told, "seed", self.plan.model)
        if self.store.get(self._label()) is None:
            self._nightshift(told, "seed", self.plan.model, "--plant", self.plan.planted.isoformat())
        missing = self.not_validated()
        for first, last in consecutive(missing):
            self._nightshift(told, "validate", self.plan.model, f"{first}..{last}", also=DataRejected.exit_code)
        return f"{len(missing)} earlier nights validated, night {self.plan.planted} corrupted on purpose"

    def not_validated(self) -> list[date]:
        """The nights that training looks back on and that were never validated: one listing."""
        prefix = self.store.uri(f"runs/{self.plan.model}/")
        known = {o.uri.removeprefix(prefix) for o in self.store.objects(prefix)}
        wanted = (
            night for first, last in history(self.plan, models.load(self.plan.model)) for night in days(first, last)
        )
        return [night for night in wanted if f"{night}/validate.json" not in known]

    def _label(self) -> str:
        """Where the label of the corrupted partition lies."""
        return models.load(self.plan.model).facts.partition(self.plan.planted) + "_PLANTED.json"

    def _nightshift(self, told: Told, *words: str, also: int = DONE) -> None:
        environment = {**self.platform.step_environment(CAUSE), MARK: str(self.platform.home.path)}
        command = (str(BIN / "nightshift"), *words)
        with (
            self.log.open("a") as log,
            subprocess.Popen(  # noqa: S603 - our own command
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                told(line.strip())
        if process.returncode not in (DONE, also):
            raise NotReady(f"`nightshift {' '.join(words)}` ended with code {process.returncode}: see {self.log}")
