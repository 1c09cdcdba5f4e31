"""Steps whose pods cannot start: an image that is not there, not yet there, and a pod that no node can take.

On a real cluster only: the embedded one pulls no image and has one node that takes every pod.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.embedded import Airflow, Ran, Run
from support.free_settings import find_free_ports
from support.image_registry import Registry, serve_registry
from support.step_cluster import StepCluster, run_real_steps

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
NIGHT = Run({"night": "2013-02-09"})
IMAGE = os.environ.get("NIGHTSHIFT_TEST_IMAGE", "debian:bookworm-slim")
HOST = os.environ.get("NIGHTSHIFT_TEST_REGISTRY_HOST", "127.0.0.1")
"""Where nodes reach this machine for images without TLS: for a node on this machine, itself."""


@pytest.fixture(scope="module")
def place() -> Iterator[StepCluster]:
    with run_real_steps({}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    if not shutil.which("docker"):
        pytest.fail(f"docker is not installed: the registry of this test serves its image {IMAGE}")
    with serve_registry(
        IMAGE, f"{HOST}:{find_free_ports(1)[0]}", tmp_path_factory.mktemp("registry"), timeout=5
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["placing", "placing_deferred"])
def placed(
    request: pytest.FixtureRequest, place: StepCluster, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Ran:
    airflow = Airflow(tmp_path_factory.mktemp("airflow"), Path(__file__).parent / "cases", place.kubeconfig)
    airflow.migrate()
    registry.first = None
    registry.answers.clear()
    where = {"CASE_REGISTRY": registry.address, "CASE_NOWHERE": f"{HOST}:{find_free_ports(1)[0]}"}
    return airflow.run(str(request.param), NIGHT, **{**place.environment, **where})


def state(ran: Ran, task: str) -> tuple[str, int]:
    ended = ran.runs[0][task]
    return ended["state"], ended["tries"]


def error(ran: Ran, pattern: str) -> str:
    """The one failure that begins with a pattern."""
    (message,) = [sentence for sentence in ran.errors if re.match(pattern, sentence)]
    return message


def test_an_image_that_a_registry_does_not_have_fails_at_once_with_its_words(placed: Ran, registry: Registry) -> None:
    assert state(placed, "absent") == ("failed", 1)
    sentence = error(placed, r"the pod could not start \((ErrImagePull|ImagePullBackOff)\): .*/absent:1")
    assert "not found" in sentence
    assert "\n" not in sentence
    assert (next(path for path, _ in registry.answers if "/absent/" in path), 404) in registry.answers


def test_an_image_whose_registry_refuses_for_a_while_is_waited_for(placed: Ran, registry: Registry) -> None:
    statuses = [status for path, status in registry.answers if "/late/manifests/" in path]
    assert 503 in statuses
    assert statuses[-1] == 200
    assert state(placed, "late") == ("success", 1)
    assert "here at last" in placed.log
    assert "The image cannot be pulled yet, waiting for it: " in placed.log


def test_a_pod_that_no_node_can_take_is_given_up_with_the_scheduler_s_words(placed: Ran) -> None:
    assert state(placed, "huge") == ("failed", 1)
    assert "Insufficient cpu" in error(placed, r"no node could take the pod \(Unschedulable\): ")


def test_a_name_that_is_no_image_s_fails_at_once(placed: Ran) -> None:
    assert state(placed, "misnamed") == ("failed", 1)
    assert "no such//Image" in error(placed, r"the pod could not start \(InvalidImageName\): ")


def test_a_registry_that_stays_away_is_waited_for_no_longer_than_a_start_may_take(placed: Ran) -> None:
    assert state(placed, "nowhere") == ("failed", 1)
    assert "connection refused" in error(placed, r"the pod could not start .*/any:1")


def test_no_pod_is_left(placed: Ran, place: StepCluster) -> None:
    assert placed.runs
    assert place.list_living_pods() == []
