"""Who or what causes a decision."""

import getpass

from nightshift.adapters.s3.ledger_entries import Cause
from nightshift.settings import RunSettings

__all__ = ["Cause", "build_cause"]


def build_cause(by: RunSettings) -> Cause:
    """The cause that a run's settings name; in a shell without a name, the user of the operating system."""
    return Cause(
        by=by.caused_by,
        kind=by.kind,
        user=by.user or (_get_login() if by.kind == "shell" else ""),
        backfill=by.backfill,
        code_version=by.code_version,
        image=by.image,
    )


def _get_login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container a user may have a number only
        return ""
