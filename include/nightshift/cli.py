"""Retrain models every night and promote a new version only if it beats the champion.

`nightshift COMMAND …` is the same in a pod, on a laptop and in a test.
"""

import argparse
import signal
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from nightshift.argument_parser import Parser, start_parser
from nightshift.command_list import COMMANDS
from nightshift.definition import VERBS
from nightshift.errors import list_exit_codes
from nightshift.known_variables import SERVICES, STEPS, Variable
from nightshift.safe_messages import hide_texts_of_crashes

ENDED = 128 + signal.SIGTERM
HELP = """\
steps of a night, `nightshift VERB MODEL NIGHT`:
{steps}

other commands:
{others}

`nightshift COMMAND --help` shows the arguments of one, with examples.

exit codes:
{codes}

environment variables:
{variables}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. What it runs is imported once its arguments are right."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or given[0] not in COMMANDS:
        return _show_help_or_refuse(given)
    arguments = make_parser(given[0]).parse_args(given[1:])
    return int(import_module(COMMANDS[given[0]].module).run(arguments))


def make_parser(command: str) -> Parser:
    """Returns the parser of one command."""
    line = import_module(f"nightshift.command_lines.{command.replace('-', '_')}")
    parser = start_parser(command, line.DETAILS, line.EXAMPLES)
    line.add_arguments(parser)
    parser.set_defaults(command=command)
    return parser


def make_top_parser() -> Parser:
    """Returns the parser of `nightshift` itself, whose help lists commands, exit codes and environment variables."""
    parser = Parser(
        prog="nightshift",
        usage="nightshift COMMAND [ARGUMENT ...]",
        description=__doc__,
        epilog=_make_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", help="one of the commands below")
    return parser


def _show_help_or_refuse(given: Sequence[str]) -> NoReturn:
    """Exits with the help, or with the known command that is nearest to the first argument."""
    parser = make_top_parser()
    name = parser.parse_args(given[:1]).command
    near = get_close_matches(name, COMMANDS, n=1)
    meant = f"did you mean {near[0]}?" if near else f"choose from {', '.join(COMMANDS)}"
    parser.error(f"there is no command {name[:40]!r}: {meant}")


def _make_help() -> str:
    lines = {name: command.summary for name, command in COMMANDS.items()}
    return HELP.format(
        steps=_make_table((name, lines[name]) for name in VERBS),
        others=_make_table((name, line) for name, line in lines.items() if name not in VERBS),
        codes=_make_table((str(code), meaning) for code, meaning in list_exit_codes()),
        variables=_make_table((variable.name, _describe(variable)) for variable in (*STEPS, *SERVICES)),
    )


def _describe(variable: Variable) -> str:
    return variable.description + (f" (default: {variable.default})" if variable.default else "")


def _make_table(rows: Iterable[tuple[str, str]]) -> str:
    cells = list(rows)
    width = max(len(name) for name, _ in cells)
    return "\n".join(f"  {name:<{width}}  {line}" for name, line in cells)


def run_and_exit() -> None:
    """The console script."""
    # In a pod the step is process 1, to which a SIGTERM without a handler does nothing until the grace period is over.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED))
    hide_texts_of_crashes()
    sys.exit(main())
