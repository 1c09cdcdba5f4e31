"""Every command of `nightshift`: the line that says what it does, and the module that runs it.

`nightshift.command_lines.NAME` adds the arguments of a command; `run(arguments) -> int` of its module then runs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Command:
    """One command. `summary`: its line in `nightshift --help`, and the first of its own help."""

    summary: str
    module: str


STEPS = "nightshift.commands.steps"
COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "validate": Command("check a night's partitions against their suites and publish the Data Docs", STEPS),
        "train": Command("fit a challenger on the window of validated nights and register it", STEPS),
        "evaluate": Command("compare the challenger with the champion on the holdout and store the verdict", STEPS),
        "promote": Command("make the version that won champion, in the ledger and by the alias", STEPS),
        "score": Command("predict the next period's rows with the champion and publish the predictions", STEPS),
        "history": Command(
            "list the decisions about a model's champion, and check that all records agree",
            "nightshift.commands.history",
        ),
        "set-champion": Command("make a version champion, with your reason", "nightshift.commands.set_champion"),
        "sync-alias": Command(
            "bring the alias champion in MLflow to where the ledger ends", "nightshift.commands.sync_alias"
        ),
        "rescore": Command("score nights again whose version was withdrawn", "nightshift.commands.rescore"),
        "predictions": Command(
            "show what is published of a night's predictions, and in which files", "nightshift.commands.predictions"
        ),
        "repair": Command(
            "show what makes ledger, alias and registry agree again; --apply does it", "nightshift.commands.repair"
        ),
        "recheck": Command("compute verdicts again from their records, and compare", "nightshift.commands.recheck"),
        "explain": Command("print the model card of one version", "nightshift.commands.explain"),
        "check": Command("try a model's code and estimator without data", "nightshift.commands.check"),
        "new-model": Command("start the folder of a new model", "nightshift.commands.new_model"),
        "seed": Command("land a model's recorded data in the lake, night by night", "nightshift.seeding.command"),
    }
)
