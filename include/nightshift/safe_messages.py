"""Exceptions and logs as people may see them: types and lines, and never the text of code that is not ours.

The text of an exception, a warning or a log line of pandas, scikit-learn or a model's own code can quote the values of
cells. Only `--show-values` shows it, to a person at a terminal.
"""

import logging
import os
import sys
import threading
import traceback
import warnings
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from nightshift.errors import BadConfig
from nightshift.user_code import PACKAGE, SHOWN, format_path, name_kind, walk

log = logging.getLogger("nightshift")
OURS = ("nightshift",)
"""Loggers whose lines hold no values: their texts are written here."""
IN_A_POD = ("KUBERNETES_SERVICE_HOST",)
SECRETS = Path("/var/run/secrets/kubernetes.io")


def place(error: BaseException) -> str:
    """The last line of ours that an exception passed, as file:line; without one, the last line of any code."""
    lines = [(file, f"{format_path(file)}:{line}") for file, line, _ in walk(error.__traceback__)]
    own_lines = [line for file, line in lines if Path(file).is_relative_to(PACKAGE)]
    return next(reversed(own_lines or [line for _, line in lines]), "an unknown line")


def describe(error: BaseException) -> str:
    """The type of an exception and the lines that it passed, the last one last; also of the one that it came from."""
    frames = [f"  {format_path(file)}:{line} in {name}" for file, line, name in walk(error.__traceback__)]
    cause = error.__cause__ or error.__context__
    causes = [f"after {describe(cause)}"] if cause is not None else []
    return "\n".join([name_kind(error), *frames, *causes])


def show_values(error: BaseException) -> None:
    """Prints the exception behind an error as Python would, where a person at a terminal asked for values."""
    original = error.__cause__ or error.__context__ or error
    if SHOWN.values:
        traceback.print_exception(original)


def allow_values() -> None:
    """Lets this process show values. Raises `BadConfig` anywhere but in an interactive shell outside of a pod."""
    in_a_pod = any(name in os.environ for name in IN_A_POD) or SECRETS.exists()
    if in_a_pod or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadConfig("--show-values shows values of the data: it works in an interactive shell only, never in a pod")
    SHOWN.values = True


def set_up_logs(form: str) -> None:
    """Logs to standard output in this form; lines, warnings and exceptions of other code without their text."""
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stdout, force=True)
    if SHOWN.values:
        return
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_WithoutTexts(form))
        handler.addFilter(_is_shown)
    warnings.showwarning = _tell_warning


def hide_texts_of_crashes() -> None:
    """An exception that nobody catches is printed by its type and lines."""
    sys.excepthook = _tell_crash
    threading.excepthook = lambda crash: _tell_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )


class _WithoutTexts(logging.Formatter):
    """Formats a line of another logger without its text. The record stays as it is: others may handle it, too."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy(record)
        shown.exc_info = shown.exc_text = None
        if not _is_ours(record):
            where = f"{format_path(record.pathname)}:{record.lineno}"
            shown.msg, shown.args = f"a log line ({record.levelname.lower()}) of {record.name} at {where}", None
            shown.stack_info = None
        return super().format(shown)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] in OURS


def _is_shown(record: logging.LogRecord) -> bool:
    """Whether a line is worth showing: without its text, one of another logger is only from a warning on."""
    return _is_ours(record) or record.levelno >= logging.WARNING


def _tell_warning(
    message: Warning | str,  # noqa: ARG001 - it may quote values
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.info("a %s at %s:%d", category.__name__, format_path(filename), lineno)


def _tell_crash(kind: type[BaseException], error: BaseException, _: TracebackType | Any) -> None:
    if issubclass(kind, KeyboardInterrupt) or SHOWN.values:
        traceback.print_exception(error)
        return
    print(f"this is a bug: {describe(error)}", file=sys.stderr)  # noqa: T201 - there may be no log yet
