"""What the scan found: one line each, saying what, where and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A broken rule. `rule` is its short name, by which an exception names it."""

    rule: str
    what: str
    where: str
    advice: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.rule}: {self.what}: {self.where}: {self.advice}"
