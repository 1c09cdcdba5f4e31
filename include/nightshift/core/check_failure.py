"""One check of a partition that does not hold, whoever made the check."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckFailure:
    """The check's name, the columns that it is about (None: the table), and a sentence for people."""

    expectation: str
    column: str | None
    sentence: str
