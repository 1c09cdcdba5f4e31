"""Calls to a model's own code, and what its exceptions become.

The text of an exception can hold the values of cells (a look-up that failed, an `int()` of a cell). So nothing of it
leaves this module but its type and the line of the model's folder that raised it. `nightshift --show-values` prints the
rest, in an interactive shell only.
"""

import io
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from inspect import unwrap
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from nightshift import catalog
from nightshift.definition import Model
from nightshift.errors import BadConfig, NightshiftError

log = logging.getLogger("nightshift.model")
PACKAGE = Path(__file__).parent
PARAMETER = re.compile(r"\AThe '(\w+)' parameter of (\w+)")
"""How scikit-learn begins to say which parameter it refuses; the rest, which quotes the value, is left out."""
ENDED = 143
"""The exit code of a process that is told to end: no fault of the code that it interrupts."""


@dataclass
class Shown:
    """What this process shows. `values`: a person at a terminal asked to see those of cells, too."""

    values: bool = False


SHOWN = Shown()


class CodeRaised(BadConfig):
    """Code of a model, or an estimator that it chose, raised an exception of type `kind`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def load_part(model: Model, part: str) -> ModuleType:
    """The module `models/<model>/<part>.py`. Raises `BadConfig` when it cannot be imported."""
    named = f"models/{model.name}/{part}.py"
    try:
        return import_module(f"models.{model.name}.{part}")
    except ModuleNotFoundError as error:
        raise BadConfig(f"{named} cannot be imported: there is no module {error.name}") from None
    except Exception as error:
        raise BadConfig(f"{named} cannot be imported: {name_kind(error)} at {place_of(error) or named}") from None


def get_function(module: ModuleType, name: str) -> Callable[..., Any]:
    """A function of a model's module. Raises `BadConfig` when there is none of that name."""
    function = getattr(module, name, None)
    if not callable(function):
        raise BadConfig(f"{format_path(module.__file__ or module.__name__)} must define a function {name}()")
    return function  # type: ignore[no-any-return]


@contextmanager
def translate_errors(doing: str, function: Callable[..., Any] | None = None) -> Iterator[None]:
    """What is called within raises `BadConfig` naming `doing`, the exception's type and the line; prints nothing.

    An error of ours that the code raised on purpose keeps its kind, and loses its text like any other.
    """
    printed = io.StringIO()
    try:
        with _redirect_output(printed):
            yield
    except SystemExit as error:
        if error.code == ENDED:
            raise
        raise BadConfig(f"{doing} ended the process at {_place(error, function)}: raise an exception instead") from None
    except MemoryError as error:
        raise BadConfig(describe_memory_error(f"{doing}, at {_place(error, function)}")) from None
    except NightshiftError as error:
        raise type(error)(f"{doing} raised {name_kind(error)} at {_place(error, function)}: mend it there") from None
    except Exception as error:
        raise CodeRaised(name_kind(error), _describe_error(error, doing, _place(error, function))) from None
    finally:
        if lines := len(printed.getvalue().splitlines()):
            log.info("%s printed %d lines, which no log shows: they may hold values", doing, lines)


def _describe_error(error: Exception, doing: str, place: str) -> str:
    refused = PARAMETER.match(str(error)) if name_kind(error) == "InvalidParameterError" else None
    if refused:
        return f"{refused[2]} refuses its parameter {refused[1]} in {doing}: change it at {place}"
    return f"{doing} raised {name_kind(error)} at {place}: mend it there"


def describe_memory_error(where: str) -> str:
    """What is said where there is not enough memory."""
    return f"out of memory in {where}: give the step a higher memory_limit in the definition's resources, or less data"


@contextmanager
def _redirect_output(printed: io.StringIO) -> Iterator[None]:
    if SHOWN.values:
        yield
        return
    with redirect_stdout(printed), redirect_stderr(printed):
        yield


def name_kind(error: BaseException) -> str:
    """The type of an exception, by name."""
    return type(error).__name__


def place_of(error: BaseException) -> str:
    """The last line of a model's folder that an exception passed, as file:line; else of other code than ours and
    installed packages; empty when there is none.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{format_path(error.filename)}:{error.lineno}"
    frames = list(walk(error.__traceback__))
    model_lines = [f"{format_path(file)}:{line}" for file, line, _ in frames if _is_in_models(file)]
    other = [f"{format_path(file)}:{line}" for file, line, _ in frames if not _is_installed(file)]
    return next(reversed(model_lines or other), "")


def walk(current: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    """File, line and function of every frame of a traceback."""
    for frame, line in traceback.walk_tb(current):
        yield frame.f_code.co_filename, line, frame.f_code.co_name


def place_of_function(function: Callable[..., Any]) -> str:
    """Where a function is defined, as file:line."""
    code = getattr(unwrap(function), "__code__", None)
    if code is None:
        return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"
    return f"{format_path(code.co_filename)}:{code.co_firstlineno}"


def format_path(file: str) -> str:
    """A file's path for people: from `models/` or `nightshift/` on, else its last two parts."""
    path = Path(file)
    for folder in catalog.list_folders():
        if path.is_relative_to(folder):
            return f"models/{path.relative_to(folder)}"
    if path.is_relative_to(PACKAGE):
        return f"{PACKAGE.name}/{path.relative_to(PACKAGE)}"
    return "/".join(path.parts[-2:])


def _place(error: BaseException, function: Callable[..., Any] | None) -> str:
    place = place_of(error)
    return place or (place_of_function(function) if function else "a line that is not known")


def _is_in_models(file: str) -> bool:
    return any(Path(file).is_relative_to(folder) for folder in catalog.list_folders())


def _is_installed(file: str) -> bool:
    path = Path(file)
    if not path.is_absolute():  # compiled code names files that are not there
        return True
    return path.is_relative_to(PACKAGE) or path.is_relative_to(sys.prefix) or path.is_relative_to(sys.base_prefix)
