"""The images of `make images`."""

import subprocess

import pytest

from image_tools.build import TARGETS, name_local_image


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers."""
    try:
        completed = subprocess.run(("docker", "version"), capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        pytest.fail("these tests need Docker, and the program docker was not found: install it, or leave out -m images")
    if completed.returncode:
        pytest.fail("these tests need a Docker engine, and none answers: start it, or leave out -m images")


@pytest.fixture(scope="session")
def built(engine: None) -> dict[str, str]:  # noqa: ARG001 - first of all Docker
    """Target → the image that was built last."""
    for target in TARGETS:
        actual = subprocess.run(
            ("docker", "image", "inspect", name_local_image(target)), capture_output=True, check=False
        )
        if actual.returncode:
            pytest.fail(f"there is no image {name_local_image(target)}: 'make images' builds it")
    return {target: name_local_image(target) for target in TARGETS}
