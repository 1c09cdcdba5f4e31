"""`make images`: the three images, and beside each the list of its parts.

BASE=… names another base image (a mirror's, a digest); FRESH=1 takes Debian's packages anew.
"""

import os
import sys
from pathlib import Path

from image_tools import bill
from image_tools.build import TARGETS, Built, build, check_room
from image_tools.engine import EngineError, ready
from local_platform.code_version import CODE, read_code_version

SOURCES = Path(__file__).parents[1]
CONTENTS = (*CODE, "requirements", "dags", "plugins", "pyproject.toml", "Dockerfile")
"""What decides what is in an image: a file that git does not know yet is in it as well."""
RESULTS = SOURCES / ".nightshift" / "images"


def main() -> int:
    """Build all; 0 when every image and its list are there, 2 with one sentence when one is not."""
    try:
        ready()
        check_room()
        RESULTS.mkdir(mode=0o700, parents=True, exist_ok=True)
        version = read_code_version(SOURCES, CONTENTS)
        for target in TARGETS:
            # Once is enough: the others then take the same layers.
            fresh = target == TARGETS[0] and bool(os.environ.get("FRESH"))
            built = build(target, version, SOURCES, RESULTS / f"{target}.log", fresh)
            _say(built, _list_parts(built))
    except EngineError as e:
        print(f"cannot build the images: {e}", file=sys.stderr)
        return 2
    return 0


def _list_parts(built: Built) -> str:
    path = RESULTS / f"{built.target}.cdx.json"
    number = bill.write(built, SOURCES / "requirements" / f"{built.target}.txt", path)
    return f"{number} parts in {path.relative_to(SOURCES)}"


def _say(built: Built, parts: str) -> None:
    print(f"  ✓ {built.name:<60}{built.size / 1e6:6.0f} MB{built.seconds:6.0f} s   {parts}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
