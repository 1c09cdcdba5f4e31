"""Results as earlier steps leave them behind, made up where a test needs only what they say."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from nightshift.result import Result


def make_validation(model: str, night: date, datasets: Sequence[dict[str, Any]]) -> Result:
    """The result of a validation that passed, with these entries."""
    return Result(
        model=model,
        night=night.isoformat(),
        verb="validate",
        outcome="done",
        summary="",
        started="2013-01-01T00:00:00+00:00",
        seconds=0.1,
        code_version="test",
        caused_by="test",
        detail={"datasets": list(datasets)},
    )
