"""How pods start, end and fail."""

from typing import Any

import pytest

from support.pod_client import Object, PodClient, get_terminated_state


def test_a_pod_runs_and_succeeds(pods: PodClient) -> None:
    pod = pods.run(pods.build_pod(pods.build_shell_container("echo done")))
    ended = get_terminated_state(pod)
    assert pod.status.phase == "Succeeded"
    assert (ended.exit_code, ended.reason) == (0, "Completed")
    assert ended.started_at <= ended.finished_at
    assert pod.spec.node_name
    assert pod.status.start_time


def test_a_new_pod_is_pending_or_running_and_has_its_identity(pods: PodClient) -> None:
    created = pods.api.create_namespaced_pod(pods.namespace, pods.build_pod(pods.build_shell_container("sleep 2")))
    assert created.status.phase in ("Pending", "Running")
    assert created.metadata.uid
    assert created.metadata.creation_timestamp
    assert created.metadata.name.startswith("pod-")
    assert len(created.metadata.name) == len("pod-") + 5


@pytest.mark.parametrize("code", [1, 10, 99, 137])
def test_the_exit_code_is_reported(pods: PodClient, code: int) -> None:
    pod = pods.run(pods.build_pod(pods.build_shell_container(f"exit {code}")))
    assert pod.status.phase == "Failed"
    assert (get_terminated_state(pod).exit_code, get_terminated_state(pod).reason) == (code, "Error")


def test_death_by_a_signal_is_128_and_its_number(pods: PodClient) -> None:
    pod = pods.run(pods.build_pod(pods.build_shell_container("sleep 100 & kill -KILL $!; wait $!; exit $?")))
    assert get_terminated_state(pod).exit_code == 137


def test_args_follow_the_command(pods: PodClient) -> None:
    container = pods.build_container("printf", "%s|", args=["one", "two words", "$HOME", "é"])
    assert pods.read_output(container) == "one|two words|$HOME|é|"


def test_an_unknown_program_fails_the_pod_and_names_itself(pods: PodClient) -> None:
    pod = pods.run(pods.build_pod(pods.build_container("no-such-program")))
    ended = get_terminated_state(pod)
    assert pod.status.phase == "Failed"
    assert ended.exit_code == 128
    assert ended.reason == "StartError"
    assert "no-such-program" in ended.message


def test_the_working_directory_is_the_one_asked_for(pods: PodClient) -> None:
    assert pods.read_output(pods.build_shell_container("pwd", workingDir="/usr/bin")) == "/usr/bin\n"


def test_standard_input_is_empty(pods: PodClient) -> None:
    assert pods.read_output(pods.build_shell_container("cat; echo end")) == "end\n"


def test_twenty_pods_at_once(pods: PodClient) -> None:
    names = [pods.create(pods.build_pod(pods.build_shell_container(f"echo {number}"))) for number in range(20)]
    assert len(set(names)) == 20
    for number, name in enumerate(names):
        assert pods.finish(name, timeout=120).status.phase == "Succeeded"
        assert pods.log(name) == f"{number}\n"


def test_init_containers_run_in_order_before_the_main_one(pods: PodClient) -> None:
    at = [{"name": "shared", "mountPath": "/shared"}]
    first = pods.build_shell_container("sleep 0.5; echo 1 >> /shared/order", name="first", volumeMounts=at)
    second = pods.build_shell_container("echo 2 >> /shared/order", name="second", volumeMounts=at)
    main = pods.build_shell_container("cat /shared/order", volumeMounts=at)
    log = pods.read_output(main, initContainers=[first, second], volumes=[{"name": "shared", "emptyDir": {}}])
    assert log == "1\n2\n"


def test_a_failed_init_container_fails_the_pod(pods: PodClient) -> None:
    pod = pods.run(
        pods.build_pod(
            pods.build_shell_container("echo never"),
            initContainers=[pods.build_shell_container("exit 7", name="first")],
        )
    )
    assert pod.status.phase == "Failed"
    assert pod.status.init_container_statuses[0].state.terminated.exit_code == 7
    assert pod.status.container_statuses[0].state.waiting.reason == "PodInitializing"


def test_a_pod_with_several_containers_fails_if_one_does(pods: PodClient) -> None:
    pod = pods.run(
        pods.build_pod(
            pods.build_shell_container("exit 0"), pods.build_shell_container("sleep 0.5; exit 4", name="other")
        )
    )
    codes = {state.name: state.state.terminated.exit_code for state in pod.status.container_statuses}
    assert pod.status.phase == "Failed"
    assert codes == {"main": 0, "other": 4}


def test_a_pod_runs_until_its_last_container_ends(pods: PodClient) -> None:
    name = pods.create(
        pods.build_pod(pods.build_shell_container("exit 0"), pods.build_shell_container("sleep 8", name="other"))
    )
    pod = pods.wait_for(name, "one end", _one_of_two_has_ended)
    assert pod.status.phase == "Running"
    assert pods.finish(name).status.phase == "Succeeded"


def _one_of_two_has_ended(pod: Any) -> bool:
    states = [status.state for status in pod.status.container_statuses or []]
    return any(state.terminated for state in states) and any(state.running for state in states)


def test_on_failure_a_container_is_started_again(pods: PodClient) -> None:
    script = "if [ -e /shared/seen ]; then echo again; sleep 10; else touch /shared/seen; echo first; exit 5; fi"
    container = pods.build_shell_container(script, volumeMounts=[{"name": "shared", "mountPath": "/shared"}])
    name = pods.create(
        pods.build_pod(container, restartPolicy="OnFailure", volumes=[{"name": "shared", "emptyDir": {}}])
    )
    pod = pods.wait_for(name, "a second start", lambda pod: _started_again(pod))
    assert pod.status.phase == "Running"
    assert pod.status.container_statuses[0].last_state.terminated.exit_code == 5
    assert pods.wait_for_log(name, "again") == "again\n"
    assert pods.log(name, previous=True) == "first\n"
    assert pods.finish(name).status.phase == "Succeeded"


def _started_again(pod: Any) -> bool:
    states = pod.status.container_statuses
    return bool(states and states[0].restart_count == 1 and states[0].state.running)


def test_the_deadline_fails_the_pod(pods: PodClient) -> None:
    pod = pods.run(
        pods.build_pod(
            pods.build_shell_container("sleep 100"), activeDeadlineSeconds=2, terminationGracePeriodSeconds=1
        )
    )
    assert (pod.status.phase, pod.status.reason) == ("Failed", "DeadlineExceeded")
    assert "deadline" in pod.status.message


def test_more_memory_than_the_limit_ends_the_container(pods: PodClient) -> None:
    container = pods.build_container("tail", "/dev/zero", resources={"limits": {"memory": "64Mi"}})
    pod = pods.run(pods.build_pod(container))
    assert pod.status.phase == "Failed"
    assert (get_terminated_state(pod).exit_code, get_terminated_state(pod).reason) == (137, "OOMKilled")


def test_memory_within_the_limit_is_given(pods: PodClient) -> None:
    script = "head -c 20000000 /dev/zero | tr '\\0' x | sort | wc -c"
    assert (
        pods.read_output(pods.build_shell_container(script, resources={"limits": {"memory": "256Mi"}})).strip()
        == "20000001"
    )


def test_the_last_words_of_a_failed_container_are_in_its_status(pods: PodClient) -> None:
    container = pods.build_shell_container("echo the reason; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
    assert get_terminated_state(pods.run(pods.build_pod(container))).message.strip() == "the reason"


def test_a_container_can_write_its_own_last_words(pods: PodClient) -> None:
    assert (
        get_terminated_state(
            pods.run(pods.build_pod(pods.build_shell_container("printf why > /dev/termination-log; exit 1")))
        ).message
        == "why"
    )


def test_a_pod_that_no_node_can_take_stays_pending_and_says_why(pods: PodClient) -> None:
    name = pods.create(pods.build_pod(pods.build_shell_container("exit 0"), nodeSelector={"no-such": "node"}))
    pod = pods.wait_for(name, "unschedulable", lambda pod: pod.status.conditions)
    assert pod.status.phase == "Pending"
    assert (pod.status.conditions[0].reason, pod.status.conditions[0].status) == ("Unschedulable", "False")
    pods.delete(name)
    pods.wait_gone(name)


def test_requests_beyond_the_machine_are_unschedulable(pods: PodClient) -> None:
    name = pods.create(pods.build_pod(pods.build_shell_container("exit 0", resources={"requests": {"cpu": "5000"}})))
    pod = pods.wait_for(name, "unschedulable", lambda pod: pod.status.conditions)
    assert "Insufficient cpu" in pod.status.conditions[0].message
    pods.delete(name)
    pods.wait_gone(name)


def test_a_running_pod_is_ready(pods: PodClient) -> None:
    name = pods.create(pods.build_pod(pods.build_shell_container("sleep 60"), terminationGracePeriodSeconds=1))
    pod = pods.wait_for(name, "ready", lambda pod: _condition(pod.to_dict(), "Ready") == "True")
    state = pod.status.container_statuses[0]
    assert state.ready
    assert state.state.running.started_at
    pods.delete(name)


def _condition(pod: Object, kind: str) -> str:
    condition = [item["status"] for item in pod["status"]["conditions"] or [] if item["type"] == kind]
    return str(condition[0]) if condition else ""
