"""The client of every step, against a real API behind a proxy that injects faults."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from kubernetes.client import ApiException, CoreV1Api

from nightshift_airflow.kubernetes.api_retries import SETTING, ApiUnavailable
from nightshift_airflow.kubernetes.retrying_client import RetryingHook
from support.embedded import run_embedded_cluster
from support.faulty_kubernetes_api import Burst, FaultyApi, run_faulty_api


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyApi]:
    with (
        run_embedded_cluster(tmp_path_factory.mktemp("cluster")) as cluster,
        run_faulty_api(cluster.kubeconfig, tmp_path_factory.mktemp("proxy")) as proxy,
    ):
        yield proxy


@pytest.fixture
def proxy(opened: FaultyApi) -> Iterator[FaultyApi]:
    yield opened
    opened.bursts.clear()
    opened.renew()
    opened.open()


def client(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch, timeout: str = "60") -> CoreV1Api:
    monkeypatch.setenv(SETTING, timeout)
    return RetryingHook(conn_id=None, in_cluster=False, config_file=str(proxy.kubeconfig)).core_v1_client


def test_an_outage_is_waited_out(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(proxy, monkeypatch)
    started_at = time.monotonic()
    proxy.close_for(2)
    assert api.list_namespace().items
    assert 1.5 < time.monotonic() - started_at < 30


def test_an_outage_that_lasts_is_given_up_once_for_all_calls(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(proxy, monkeypatch, "4")
    proxy.close()
    started_at = time.monotonic()
    with pytest.raises(ApiUnavailable, match=r"Connection refused, for \d+ s"):
        api.list_namespace()
    first = time.monotonic()
    with pytest.raises(ApiUnavailable):
        api.list_namespace()
    assert 3.9 < first - started_at < 30
    assert time.monotonic() - first < 3  # not its own timeout once more
    proxy.open()
    assert api.list_namespace().items


def test_an_api_that_hangs_is_waited_out(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift_airflow.kubernetes.retrying_client.ANSWER_SECONDS", 1.0)
    api = client(proxy, monkeypatch)
    proxy.hang_for(2.5)
    assert api.list_namespace().items


@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry-After": "1"}), (503, {}), (500, {}), (504, {})])
def test_an_api_that_is_busy_is_asked_again(
    proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str]
) -> None:
    api = client(proxy, monkeypatch)
    proxy.bursts.append(Burst(status, 2, headers=headers))
    started_at = time.monotonic()
    assert api.list_namespace().items
    assert proxy.bursts[0].left == 0
    assert not headers or time.monotonic() - started_at >= 2


def test_a_new_token_is_read_when_the_old_one_is_refused(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(proxy, monkeypatch)
    assert api.list_namespace().items
    proxy.expire()
    proxy.renew()
    assert api.list_namespace().items


def test_a_token_that_stays_refused_is_named(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(proxy, monkeypatch, "1")
    proxy.expire()
    with pytest.raises(ApiUnavailable, match="401 Unauthorized"):
        api.list_namespace()


def test_a_refusal_is_an_answer_unless_the_api_has_just_come_back(
    proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = client(proxy, monkeypatch)
    proxy.bursts.append(Burst(403, 1))
    with pytest.raises(ApiException, match="403"):
        api.list_namespace()
    proxy.bursts[:] = [Burst(503, 1), Burst(403, 2)]
    assert api.list_namespace().items


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_an_answer_is_not_asked_for_twice(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    proxy.bursts.append(Burst(status, 2))
    with pytest.raises(ApiException):
        client(proxy, monkeypatch).list_namespace()
    assert proxy.bursts[0].left == 1


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "9999"])
def test_a_time_that_is_no_number_is_refused(proxy: FaultyApi, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(
        AirflowFailException, match=f"{SETTING} must be a number of seconds from 0 to 3600, not '{text}'"
    ):
        client(proxy, monkeypatch, text)


def test_no_kubeconfig_is_not_an_outage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SETTING, "10")
    with pytest.raises(Exception, match="Invalid kube-config"):
        RetryingHook(conn_id=None, in_cluster=False, config_file=str(tmp_path / "absent")).core_v1_client  # noqa: B018
