"""What would make ledger, alias and tags agree again: one remedy per finding, said before it is done."""

from collections.abc import Callable
from dataclasses import dataclass

from nightshift.adapters.ledger import Cause, Ledger
from nightshift.adapters.registry_rest import WITHDRAWN, Registry
from nightshift.adapters.storage import ObjectStore
from nightshift.champion.consistency import Finding, findings
from nightshift.champion.court import court
from nightshift.champion.recall import withdrawal
from nightshift.champion.settle import adopt, settle

BROKEN = ("chain", "cut", "succession")
RESTORE = (
    "cannot be repaired from here: put the object back as it was from an earlier version of it, or a backup, of the "
    "bucket; until then nothing else is repaired"
)


@dataclass(frozen=True)
class Remedy:
    """A finding, what would be done about it, and how; `do` is None where nothing can be done from here."""

    finding: Finding
    sentence: str
    do: Callable[[], None] | None


@dataclass(frozen=True)
class Repair:
    """The repair of one model. `to_ledger`: an alias that was moved by hand goes back to where the ledger ends."""

    store: ObjectStore
    registry: Registry
    model: str
    cause: Cause
    to_ledger: bool = False

    def remedies(self) -> list[Remedy]:
        """A remedy per finding. A broken ledger is repaired first, by people: with one, nothing else can be done."""
        found = findings(self.store, self.registry, self.model)
        if any(one.code in BROKEN for one in found):
            waits = "waits until the ledger is whole"
            return [Remedy(one, RESTORE if one.code in BROKEN else waits, None) for one in found]
        return [self._remedy(one) for one in found]

    def _remedy(self, finding: Finding) -> Remedy:
        if finding.code == "unfinished":
            return Remedy(finding, self._finishing(finding), self._settle)
        if finding.code == "number":
            said = "restore MLflow's database as it was with the ledger; or accept what is there: append to the ledger"
            return Remedy(finding, f"{said} that the version which the alias names reigns, or nobody", self._adopt)
        if finding.code in ("moved", "removed", "deleted"):
            return self._by_hand(finding)
        if finding.code == "tags":
            return Remedy(finding, "set the tag as the ledger has it", lambda: self._tag(finding))
        back = f"`nightshift rollback {self.model} previous --reason …` goes back to a version that is whole"
        return Remedy(finding, f"cannot be repaired from here: restore the file in MLflow's bucket, or {back}", None)

    def _finishing(self, finding: Finding) -> str:
        if finding.version is None or self.registry.find(self.model, finding.version) is None:
            return "take the alias away: a writer that came late set it, and nobody reigns"
        return f"finish it: the alias goes to version {finding.version}, then the tags"

    def _by_hand(self, finding: Finding) -> Remedy:
        last = Ledger(self.store, self.model).last()
        reigned = last.champion_version if last else None
        if self.to_ledger and reigned is not None and finding.code != "deleted":
            return Remedy(finding, f"move the alias back to version {reigned}, as the ledger has it", self._settle)
        if finding.code == "moved":
            said = f"accept it: append to the ledger that version {finding.version} reigns"
            other = "" if reigned is None else "; with --alias: move the alias back"
            return Remedy(finding, said + other, self._adopt)
        said = f"accept it: append to the ledger that nobody reigns; then `nightshift rollback {self.model} previous`"
        other = "; with --alias: give the alias back" if finding.code == "removed" else ""
        return Remedy(finding, said + other, self._adopt)

    def _settle(self) -> None:
        settle(self.registry, Ledger(self.store, self.model), self.model)

    def _adopt(self) -> None:
        adopt(court(self.registry, Ledger(self.store, self.model), self.model), self.cause)

    def _tag(self, finding: Finding) -> None:
        if finding.version is None:
            return
        version = self.registry.version(self.model, finding.version)
        gone = withdrawal(court(self.registry, Ledger(self.store, self.model), self.model), finding.version)
        if gone is None:
            self.registry.untag(version, WITHDRAWN)
        else:
            self.registry.tag(version, {WITHDRAWN: f"{gone.number:06d}"})
