"""The command line's own parser: a wrong argument is wrong configuration, and ends with its exit code."""

import argparse
import sys
from typing import NoReturn

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
