"""What would make ledger, alias and registry agree again: one remedy per finding, said before anything is done."""

from dataclasses import dataclass

from nightshift.context import ModelContext
from nightshift.promotion.consistency import Finding, find_disagreements

RESTORE = "cannot be repaired from here: restore the object from the bucket's versions, or from a backup"


@dataclass(frozen=True)
class Remedy:
    """A finding, and what is to be done about it. `by_sync`: `--apply` does it, else a person has to."""

    finding: Finding
    sentence: str
    by_sync: bool = False


def list_remedies(context: ModelContext) -> list[Remedy]:
    """A remedy per finding."""
    end = context.ledger.find_last_number()
    findings = find_disagreements(context)
    lost = any(finding.code == "cut" for finding in findings)
    return [_find_remedy(finding, context.name, end, lost=lost) for finding in findings]


def _find_remedy(finding: Finding, model: str, end: int, *, lost: bool) -> Remedy:
    command = f"nightshift set-champion {model}"
    if finding.code in ("alias", "unsynced"):
        if lost:
            return Remedy(finding, "waits until the ledger is whole")
        other = f"; who wants version {finding.version} runs `{command} {finding.version} --reason …`"
        remedy_text = "bring alias and model cards to where the ledger ends"
        return Remedy(finding, remedy_text + (other if finding.version is not None else ""), by_sync=True)
    if finding.code == "cut":
        accept = f"`nightshift repair {model} --accept-end {end} --reason …` goes on from the end that is there"
        return Remedy(finding, f"{RESTORE}; or {accept}, and set-champion then makes another version champion")
    if finding.code == "no ledger":
        return Remedy(finding, f"`{command} {finding.version} --unverified --reason …` takes it over")
    if finding.code == "missing":
        return Remedy(finding, f"restore it in MLflow; or `{command} previous --reason …`")
    if finding.code == "artifact":
        back = f"`{command} previous --reason …` goes back to a version that is whole"
        return Remedy(finding, f"cannot be repaired from here: restore the file in MLflow's bucket, or {back}")
    return Remedy(finding, RESTORE)
