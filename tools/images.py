"""`make images`: builds the three images, and writes the list of parts (SBOM) of each.

BASE=… names another base image (a mirror's, a digest); FRESH=1 installs Debian's packages again.
"""

import os
import sys
from pathlib import Path

from image_tools import sbom
from image_tools.build import TARGETS, Built, build, check_space
from image_tools.engine import EngineError, check_engine
from local_platform.code_version import CODE, read_code_version

SOURCES = Path(__file__).parents[1]
CONTENTS = (*CODE, "requirements", "dags", "plugins", "pyproject.toml", "Dockerfile")
"""What decides what is in an image: a file that git does not know yet is in it as well."""
RESULTS = SOURCES / ".nightshift" / "images"


def main() -> int:
    """Builds all images. Returns 0, or 2 after one sentence when an image or its list could not be made."""
    try:
        check_engine()
        check_space()
        RESULTS.mkdir(mode=0o700, parents=True, exist_ok=True)
        version = read_code_version(SOURCES, CONTENTS)
        for target in TARGETS:
            # Once is enough: the other images use the same layers.
            fresh = target == TARGETS[0] and bool(os.environ.get("FRESH"))
            built = build(target, version, SOURCES, RESULTS / f"{target}.log", fresh)
            _print_result(built, _write_sbom(built))
    except EngineError as e:
        print(f"cannot build the images: {e}", file=sys.stderr)
        return 2
    return 0


def _write_sbom(built: Built) -> str:
    path = RESULTS / f"{built.target}.cdx.json"
    number = sbom.write_sbom(built, SOURCES / "requirements" / f"{built.target}.txt", path)
    return f"{number} parts in {path.relative_to(SOURCES)}"


def _print_result(built: Built, parts: str) -> None:
    print(f"  ✓ {built.name:<60}{built.size / 1e6:6.0f} MB{built.seconds:6.0f} s   {parts}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
