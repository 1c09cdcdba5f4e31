"""What pods write."""

import re
from datetime import UTC, datetime

import pytest
from kubernetes.client.exceptions import ApiException

from support.pod_client import PodClient

STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z (.*)")


def test_both_outputs_are_in_the_log_in_order(pods: PodClient) -> None:
    log = pods.read_output(pods.build_shell_container("echo one; sleep 1; echo two >&2; sleep 1; echo three"))
    assert log == "one\ntwo\nthree\n"


def test_a_followed_log_arrives_while_the_pod_runs_and_ends_with_it(pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container("echo early; sleep 8; echo late")))
    chunks = pods.api.read_namespaced_pod_log(name, pods.namespace, follow=True, _preload_content=False).stream(
        amt=None
    )
    assert next(chunks) == b"early\n"
    assert pods.read(name).status.phase == "Running"
    assert b"".join(chunks) == b"late\n"
    assert pods.finish(name).status.phase == "Succeeded"


def test_timestamps_stand_before_each_line(pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("echo one; echo 'two words'"))).metadata.name
    lines = pods.log(name, timestamps=True).splitlines()
    matches = [STAMPED.fullmatch(line) for line in lines]
    assert [match and match[1] for match in matches] == ["one", "two words"]


def test_the_last_lines(pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("for i in 1 2 3 4 5; do echo $i; done"))).metadata.name
    assert pods.log(name, tail_lines=2) == "4\n5\n"
    assert pods.log(name, tail_lines=0) == ""
    assert pods.log(name, tail_lines=50) == "1\n2\n3\n4\n5\n"


def test_the_lines_of_the_last_seconds(pods: PodClient) -> None:
    name = pods.start_pod(
        pods.build_pod(
            pods.build_shell_container("echo old; sleep 8; echo new; sleep 60"), terminationGracePeriodSeconds=0
        )
    )
    pods.wait_for_log(name, "new")
    assert pods.log(name, since_seconds=6) == "new\n"
    assert pods.log(name, since_seconds=1000) == "old\nnew\n"
    pods.delete(name, grace_period_seconds=0)


def test_a_limit_in_bytes(pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("echo 0123456789"))).metadata.name
    assert pods.log(name, limit_bytes=4) == "0123"


def test_long_lines_stay_whole(pods: PodClient) -> None:
    log = pods.read_output(pods.build_shell_container("head -c 100000 /dev/zero | tr '\\0' x; echo; echo next"))
    assert log == "x" * 100_000 + "\nnext\n"


def test_a_last_line_without_an_end_is_kept(pods: PodClient) -> None:
    assert pods.read_output(pods.build_shell_container("printf 'no end'")) == "no end"


def test_much_output_is_complete(pods: PodClient) -> None:
    """The container stays for three seconds: older releases of containerd lose what is written just before the end."""
    log = pods.read_output(pods.build_shell_container("seq 1 50000; sleep 3"))
    assert log == "".join(f"{number}\n" for number in range(1, 50_001))


def test_text_that_is_not_ascii(pods: PodClient) -> None:
    assert pods.read_output(pods.build_shell_container("echo 'Zürich ✓'")) == "Zürich ✓\n"


def test_each_container_has_its_log(pods: PodClient) -> None:
    init = [pods.build_shell_container("echo zero", name="first")]
    body = pods.build_pod(
        pods.build_shell_container("echo one"),
        pods.build_shell_container("echo two", name="other"),
        initContainers=init,
    )
    name = pods.run(body).metadata.name
    assert [pods.log(name, container=container) for container in ("first", "main", "other")] == [
        "zero\n",
        "one\n",
        "two\n",
    ]


@pytest.mark.parametrize("options", [{}, {"container": "nobody"}, {"container": "main", "previous": True}])
def test_a_log_that_is_not_there_is_a_clear_error(pods: PodClient, options: dict[str, object]) -> None:
    name = pods.run(
        pods.build_pod(pods.build_shell_container("exit 0"), pods.build_shell_container("exit 0", name="other"))
    ).metadata.name
    with pytest.raises(ApiException) as refused:
        pods.log(name, **options)
    assert refused.value.status == 400
    assert str(options.get("container", "main")) in refused.value.body


def test_the_log_of_a_container_that_waits_is_refused(pods: PodClient) -> None:
    source = {"configMapRef": {"name": "nowhere"}}
    name = pods.create(pods.build_pod(pods.build_shell_container("exit 0", envFrom=[source])))
    pods.wait_for(name, "waiting", lambda pod: pod.status.container_statuses)
    with pytest.raises(ApiException) as refused:
        pods.log(name)
    assert refused.value.status == 400
    assert "waiting to start" in refused.value.body
    pods.delete(name, grace_period_seconds=0)


def test_the_time_of_a_line_is_when_it_was_written(pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("date +%s.%N"))).metadata.name
    stamp, written = pods.log(name, timestamps=True).split()
    recorded = datetime.fromisoformat(stamp[:19]).replace(tzinfo=UTC).timestamp()
    assert abs(recorded - float(written)) < 5
