"""The parser of every command line: one form of help, and a wrong argument ends with the exit code of `BadConfig`.

argparse and no library: it is imported in 10 ms, click in 60, typer in 90, and every pod pays for it.
"""

import argparse
import sys
from textwrap import indent
from typing import NoReturn

from nightshift.command_list import COMMANDS
from nightshift.errors import BadConfig

LONGEST = 500
"""Characters of a message: what was given on the command line may be of any length."""


class Parser(argparse.ArgumentParser):
    """As `argparse`, but a wrong argument exits with 20: an exit of 2 would look like a fault worth another try."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong and how it is written, and exits."""
        self.print_usage(sys.stderr)
        shown = "".join(character if character.isprintable() else "?" for character in message)[:LONGEST]
        self.exit(BadConfig.exit_code, f"{self.prog}: {shown}\n")


def start_parser(command: str, details: str, examples: str) -> Parser:
    """Returns the parser of one command; the caller adds its arguments.

    `details`: what its line in `nightshift --help` does not say. `examples`: a command line on each line.
    """
    summary = COMMANDS[command].summary
    return Parser(
        prog=f"nightshift {command}",
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{details}",
        epilog="examples:\n" + indent(examples, "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
