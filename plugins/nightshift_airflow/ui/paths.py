"""The parameters in the paths of the pages: strict ASCII patterns, so that no key outside of a prefix is ever read.

A path that does not match is a page that does not exist.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Path

from nightshift.definition import VERBS, parse_night
from nightshift.errors import BadConfig

NAME = r"^[a-z][a-z0-9_]{0,39}$"

ModelName = Annotated[str, Path(pattern=NAME)]
DatasetName = Annotated[str, Path(pattern=NAME)]
PictureName = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,60}\.png$")]
CheckId = Annotated[str, Path(pattern=r"^[0-9a-f]{20}$")]
Verb = StrEnum("Verb", [(verb, verb) for verb in VERBS])  # type: ignore[misc]  # the verbs are defined in one place


class NotANight(Exception):
    """A path names a day that is not in the calendar."""


def _parse_night(night: Annotated[str, Path(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]) -> date:
    try:
        return parse_night(night)
    except BadConfig as error:
        raise NotANight(str(error)) from error


Night = Annotated[date, Depends(_parse_night)]


def _parse_version(number: Annotated[str, Path(pattern=r"^[1-9][0-9]{0,8}$")]) -> int:
    return int(number)


VersionNumber = Annotated[int, Depends(_parse_version)]
