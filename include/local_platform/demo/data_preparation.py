"""Prepares the demo's data with the command `nightshift`: lands it, corrupts one night, validates earlier nights.

It runs while Airflow starts, as ordinary processes with the environment of the steps' pods.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from local_platform.demo.night_plan import Plan, group_consecutive, list_days, list_history
from local_platform.errors import NotReady
from local_platform.marked_processes import MARK
from local_platform.one_machine.platform import Platform
from local_platform.services.service import BIN
from nightshift import catalog
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import DONE, DataRejected

ShowLine = Callable[[str], None]
CAUSE = "make demo"


@dataclass(frozen=True)
class DataPreparation:
    """Which data is prepared, for which platform, and where."""

    platform: Platform
    plan: Plan
    store: ObjectStore

    @property
    def log(self) -> Path:
        """The log with the output of all commands."""
        return self.platform.home.logs / "demo.log"

    def run(self, show_line: ShowLine) -> str:
        """Does what is not done yet; `show_line` gets the output. Returns a sentence. Raises `NotReady` on failure."""
        self._run_nightshift(show_line, "seed", self.plan.model)
        if self.store.get(self._find_label_uri()) is None:
            self._run_nightshift(show_line, "seed", self.plan.model, "--corrupt", self.plan.corrupted.isoformat())
        missing = self.list_not_validated()
        for first, last in group_consecutive(missing):
            self._run_nightshift(
                show_line, "validate", self.plan.model, f"{first}..{last}", accepted_code=DataRejected.exit_code
            )
        return f"{len(missing)} earlier nights validated, night {self.plan.corrupted} corrupted on purpose"

    def list_not_validated(self) -> list[date]:
        """Returns the earlier nights that training reads and that are not validated yet, by one listing."""
        prefix = self.store.build_uri(f"runs/{self.plan.model}/")
        results = {o.uri.removeprefix(prefix) for o in self.store.list_objects(prefix)}
        nights = (
            night
            for first, last in list_history(self.plan, catalog.load_model(self.plan.model))
            for night in list_days(first, last)
        )
        return [night for night in nights if f"{night}/validate.json" not in results]

    def _find_label_uri(self) -> str:
        """Returns the URI of the label that marks the corrupted partition."""
        return catalog.load_model(self.plan.model).facts.build_partition_uri(self.plan.corrupted) + "_CORRUPTED.json"

    def _run_nightshift(self, show_line: ShowLine, *arguments: str, accepted_code: int = DONE) -> None:
        environment = {**self.platform.build_step_environment(CAUSE), MARK: str(self.platform.home.path)}
        command = (str(BIN / "nightshift"), *arguments)
        with (
            self.log.open("a") as log,
            subprocess.Popen(  # noqa: S603 - our own command
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                show_line(line.strip())
        if process.returncode not in (DONE, accepted_code):
            raise NotReady(f"`nightshift {' '.join(arguments)}` ended with code {process.returncode}: see {self.log}")
