"""The client of every step, against a real API behind a door that misbehaves."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client import ApiException, CoreV1Api

from embedded import embedded_cluster
from faulty_api import Burst, Door, faulty_door
from nightshift_airflow.kubernetes.api_retries import SETTING, ApiUnavailable
from nightshift_airflow.kubernetes.retrying_client import RetryingHook


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with (
        embedded_cluster(tmp_path_factory.mktemp("cluster")) as cluster,
        faulty_door(cluster.kubeconfig, tmp_path_factory.mktemp("door")) as door,
    ):
        yield door


@pytest.fixture
def door(opened: Door) -> Iterator[Door]:
    yield opened
    opened.bursts.clear()
    opened.renew()
    opened.open()


def client(door: Door, monkeypatch: pytest.MonkeyPatch, patience: str = "60") -> CoreV1Api:
    monkeypatch.setenv(SETTING, patience)
    return RetryingHook(conn_id=None, in_cluster=False, config_file=str(door.kubeconfig)).core_v1_client


def test_an_outage_is_waited_out(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(door, monkeypatch)
    began = time.monotonic()
    door.close_for(2)
    assert api.list_namespace().items
    assert 1.5 < time.monotonic() - began < 30


def test_an_outage_that_lasts_is_given_up_once_for_all_calls(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(door, monkeypatch, "4")
    door.close()
    began = time.monotonic()
    with pytest.raises(ApiUnavailable, match=r"Connection refused, for \d+ s"):
        api.list_namespace()
    first = time.monotonic()
    with pytest.raises(ApiUnavailable):
        api.list_namespace()
    assert 3.9 < first - began < 30
    assert time.monotonic() - first < 3  # not its own patience once more
    door.open()
    assert api.list_namespace().items


def test_an_api_that_hangs_is_waited_out(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift_airflow.kubernetes.retrying_client.ANSWER_SECONDS", 1.0)
    api = client(door, monkeypatch)
    door.hang_for(2.5)
    assert api.list_namespace().items


@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry-After": "1"}), (503, {}), (500, {}), (504, {})])
def test_an_api_that_is_busy_is_asked_again(
    door: Door, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str]
) -> None:
    api = client(door, monkeypatch)
    door.bursts.append(Burst(status, 2, headers=headers))
    began = time.monotonic()
    assert api.list_namespace().items
    assert door.bursts[0].left == 0
    assert not headers or time.monotonic() - began >= 2


def test_a_new_token_is_read_when_the_old_one_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(door, monkeypatch)
    assert api.list_namespace().items
    door.expire()
    door.renew()
    assert api.list_namespace().items


def test_a_token_that_stays_refused_is_named(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(door, monkeypatch, "1")
    door.expire()
    with pytest.raises(ApiUnavailable, match="401 Unauthorized"):
        api.list_namespace()


def test_a_refusal_is_an_answer_unless_the_api_has_just_come_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(door, monkeypatch)
    door.bursts.append(Burst(403, 1))
    with pytest.raises(ApiException, match="403"):
        api.list_namespace()
    door.bursts[:] = [Burst(503, 1), Burst(403, 2)]
    assert api.list_namespace().items


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_an_answer_is_not_asked_for_twice(door: Door, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    door.bursts.append(Burst(status, 2))
    with pytest.raises(ApiException):
        client(door, monkeypatch).list_namespace()
    assert door.bursts[0].left == 1


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "9999"])
def test_a_patience_that_is_no_number_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(
        AirflowFailException, match=f"{SETTING} must be a number of seconds from 0 to 3600, not '{text}'"
    ):
        client(door, monkeypatch, text)


def test_no_kubeconfig_is_not_an_outage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SETTING, "10")
    with pytest.raises(Exception, match="Invalid kube-config"):
        RetryingHook(conn_id=None, in_cluster=False, config_file=str(tmp_path / "absent")).core_v1_client  # noqa: B018
