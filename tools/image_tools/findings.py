"""A finding of the scan: one line that names the problem, the place and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A broken rule. `rule` is its short name, by which an exception names it."""

    rule: str
    problem: str
    where: str
    advice: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.rule}: {self.problem}: {self.where}: {self.advice}"
