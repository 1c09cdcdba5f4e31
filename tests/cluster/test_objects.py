"""Objects: their identity, their changes, and what is refused."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from support.pod_client import Object, PodClient, wait_until


def refusal(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Code, reason and message of a refused call."""
    with pytest.raises(ApiException) as refused:
        call()
    status = client.ApiClient().deserialize(_Body(refused.value.body), "V1Status")
    assert (status.kind, status.api_version, status.status) == ("Status", "v1", "Failure")
    assert status.code == refused.value.status
    return status.code, status.reason, status.message


class _Body:
    """What the client's deserialiser reads from."""

    def __init__(self, data: str) -> None:
        self.data = data


def configmap(pods: PodClient, **data: str) -> client.V1ConfigMap:
    body = {"metadata": {"generateName": "map-"}, "data": data}
    return pods.api.create_namespaced_config_map(pods.namespace, body)


def test_an_object_gets_its_identity(pods: PodClient) -> None:
    created = configmap(pods, a="1")
    stored = pods.api.read_namespaced_config_map(created.metadata.name, pods.namespace)
    assert (stored.api_version, stored.kind) == ("v1", "ConfigMap")
    assert stored.metadata.uid == created.metadata.uid
    assert stored.metadata.namespace == pods.namespace
    assert int(stored.metadata.resource_version) > 0
    assert stored.data == {"a": "1"}


def test_each_change_gives_a_new_version(pods: PodClient) -> None:
    created = configmap(pods, a="1")
    changed = pods.api.patch_namespaced_config_map(created.metadata.name, pods.namespace, {"data": {"a": "2"}})
    assert changed.metadata.resource_version != created.metadata.resource_version
    assert changed.metadata.uid == created.metadata.uid
    same = pods.api.patch_namespaced_config_map(created.metadata.name, pods.namespace, {"data": {"a": "2"}})
    assert same.metadata.resource_version == changed.metadata.resource_version


def test_what_is_not_there(pods: PodClient) -> None:
    code, reason, message = refusal(lambda: pods.api.read_namespaced_config_map("absent", pods.namespace))
    assert (code, reason, message) == (404, "NotFound", 'configmaps "absent" not found')


def test_a_name_is_taken_once(pods: PodClient) -> None:
    created = configmap(pods)
    body = {"metadata": {"name": created.metadata.name}}
    code, reason, message = refusal(lambda: pods.api.create_namespaced_config_map(pods.namespace, body))
    assert (code, reason) == (409, "AlreadyExists")
    assert message == f'configmaps "{created.metadata.name}" already exists'


def test_an_update_of_an_old_version_is_refused(pods: PodClient) -> None:
    created = configmap(pods, a="1")
    pods.api.patch_namespaced_config_map(created.metadata.name, pods.namespace, {"data": {"a": "2"}})
    created.data = {"a": "3"}
    code, reason, message = refusal(
        lambda: pods.api.replace_namespaced_config_map(created.metadata.name, pods.namespace, created)
    )
    assert (code, reason) == (409, "Conflict")
    assert "the object has been modified" in message
    created.metadata.resource_version = None
    assert pods.api.replace_namespaced_config_map(created.metadata.name, pods.namespace, created).data == {"a": "3"}


def test_a_patch_of_an_old_version_is_refused(pods: PodClient) -> None:
    created = configmap(pods, a="1")
    pods.api.patch_namespaced_config_map(created.metadata.name, pods.namespace, {"data": {"a": "2"}})
    patch = {"metadata": {"resourceVersion": created.metadata.resource_version}, "data": {"a": "3"}}
    code, reason, _ = refusal(
        lambda: pods.api.patch_namespaced_config_map(created.metadata.name, pods.namespace, patch)
    )
    assert (code, reason) == (409, "Conflict")


def test_a_patch_removes_what_is_null(pods: PodClient) -> None:
    created = configmap(pods, a="1", b="2")
    changed = pods.api.patch_namespaced_config_map(
        created.metadata.name, pods.namespace, {"data": {"a": None, "c": "3"}}
    )
    assert changed.data == {"b": "2", "c": "3"}


def test_a_json_patch(pods: PodClient) -> None:
    created = configmap(pods, a="1", b="2")
    name = created.metadata.name
    patch = [{"op": "replace", "path": "/data/a", "value": "one"}, {"op": "remove", "path": "/data/b"}]
    assert pods.api.patch_namespaced_config_map(name, pods.namespace, patch).data == {"a": "one"}
    wrong = [{"op": "test", "path": "/data/a", "value": "two"}]
    code, reason, _ = refusal(lambda: pods.api.patch_namespaced_config_map(name, pods.namespace, wrong))
    assert (code, reason) == (422, "Invalid")


def test_labels_of_a_pod_are_merged(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("exit 0"), labels={"a": "1", "b": "2"})
    name = pods.create(body)
    patch = {"metadata": {"labels": {"b": None, "c": "3"}, "annotations": {"note": "x"}}}
    changed = pods.api.patch_namespaced_pod(name, pods.namespace, patch)
    assert changed.metadata.labels == {"a": "1", "c": "3"}
    assert changed.metadata.annotations["note"] == "x"
    assert changed.spec.containers[0].command == ["sh", "-c", "exit 0"]


def test_what_runs_in_a_pod_cannot_be_changed(pods: PodClient) -> None:
    name = pods.create(pods.build_pod(pods.build_shell_container("exit 0")))
    patch = {"spec": {"containers": [{"name": "main", "command": ["true"]}]}}
    code, reason, message = refusal(lambda: pods.api.patch_namespaced_pod(name, pods.namespace, patch))
    assert (code, reason) == (422, "Invalid")
    assert "pod updates may not change fields other than" in message


def test_the_status_is_not_written_with_the_object(pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("exit 0"))).metadata.name
    changed = pods.api.patch_namespaced_pod(name, pods.namespace, {"status": {"phase": "Failed"}})
    assert changed.status.phase == "Succeeded"


def test_unknown_fields_are_dropped(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("exit 0"))
    body["spec"]["noSuchField"] = {"a": 1}
    body["spec"]["containers"][0]["noSuchField"] = 1
    name = pods.create(body)
    raw = pods.api.read_namespaced_pod(name, pods.namespace, _preload_content=False).data.decode()
    assert "noSuchField" not in raw


def test_a_value_of_a_wrong_type_is_refused(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_container("true"))
    body["spec"]["containers"][0]["command"] = "true"
    code, reason, message = refusal(lambda: pods.create(body))
    assert (code, reason) == (400, "BadRequest")
    assert "command" in message


def _wrong(change: Callable[[Object], None]) -> Callable[[PodClient], Object]:
    def make(pods: PodClient) -> Object:
        body = pods.build_pod(pods.build_shell_container("exit 0"))
        change(body)
        return body

    return make


WRONG: dict[str, tuple[Callable[[PodClient], Object], str]] = {
    "no container": (_wrong(lambda body: body["spec"].update(containers=[])), "spec.containers"),
    "no image": (_wrong(lambda body: body["spec"]["containers"][0].update(image="")), "spec.containers[0].image"),
    "bad container name": (
        _wrong(lambda body: body["spec"]["containers"][0].update(name="A_b")),
        "spec.containers[0].name",
    ),
    "two of a name": (
        _wrong(lambda body: body["spec"]["containers"].append(body["spec"]["containers"][0])),
        "spec.containers[1].name",
    ),
    "unknown volume": (
        _wrong(lambda body: body["spec"]["containers"][0].update(volumeMounts=[{"name": "x", "mountPath": "/x"}])),
        "spec.containers[0].volumeMounts[0].name",
    ),
    "bad restart policy": (_wrong(lambda body: body["spec"].update(restartPolicy="Sometimes")), "spec.restartPolicy"),
    "deadline of nothing": (
        _wrong(lambda body: body["spec"].update(activeDeadlineSeconds=0)),
        "spec.activeDeadlineSeconds",
    ),
    "bad label": (_wrong(lambda body: body["metadata"].update(labels={"a": "not allowed!"})), "metadata.labels"),
    "long label": (_wrong(lambda body: body["metadata"].update(labels={"a": "x" * 64})), "metadata.labels"),
    "path as a name": (_wrong(lambda body: body.update(metadata={"name": "../../etc"})), "metadata.name"),
    "capitals in the name": (_wrong(lambda body: body.update(metadata={"name": "Pod"})), "metadata.name"),
    "long name": (_wrong(lambda body: body.update(metadata={"name": "a" * 254})), "metadata.name"),
    "no name": (_wrong(lambda body: body.update(metadata={})), "name"),
    "request above limit": (
        _wrong(
            lambda body: body["spec"]["containers"][0].update(
                resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}
            )
        ),
        "spec.containers[0].resources.requests",
    ),
    "bad variable name": (
        _wrong(lambda body: body["spec"]["containers"][0].update(env=[{"name": "A=B", "value": "1"}])),
        "spec.containers[0].env[0].name",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_pod_is_refused_and_the_field_named(pods: PodClient, case: str) -> None:
    make, field = WRONG[case]
    code, reason, message = refusal(lambda: pods.create(make(pods)))
    assert (code, reason) == (422, "Invalid")
    assert field in message


def test_a_wrong_quantity_is_refused(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("exit 0", resources={"limits": {"memory": "much"}}))
    code, _, message = refusal(lambda: pods.create(body))
    assert code == 400
    assert "quantities must match" in message


def test_a_namespace_that_is_not_there(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("exit 0"))
    code, reason, message = refusal(lambda: pods.api.create_namespaced_pod("no-such-place", body))
    assert (code, reason) == (404, "NotFound")
    assert message == 'namespaces "no-such-place" not found'


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_a_pod_whose_service_account_is_not_there(pods: PodClient, field: str) -> None:
    body = pods.build_pod(pods.build_shell_container("exit 0"))
    body["spec"][field] = "no-such-account"
    code, reason, message = refusal(lambda: pods.create(body))
    assert (code, reason) == (403, "Forbidden")
    assert f"error looking up service account {pods.namespace}/no-such-account" in message
    assert 'serviceaccount "no-such-account" not found' in message


def test_a_pod_of_a_service_account(pods: PodClient) -> None:
    body: Object = {"metadata": {"generateName": "account-"}, "automountServiceAccountToken": False}
    account = pods.api.create_namespaced_service_account(pods.namespace, body).metadata.name
    pod = pods.run(pods.build_pod(pods.build_shell_container("exit 0"), serviceAccountName=account))
    assert (pod.spec.service_account_name, pod.spec.service_account) == (account, account)
    assert pod.status.phase == "Succeeded"


def test_who_may_is_asked_before_what_is_wrong(pods: PodClient) -> None:
    wrong = pods.build_pod(pods.build_shell_container("exit 0", name="No Label"), serviceAccountName="no-such-account")
    assert refusal(lambda: pods.create(wrong))[0] == 403
    assert refusal(lambda: pods.api.create_namespaced_pod("no-such-place", wrong))[0] == 404


def test_the_namespace_of_the_address_counts(pods: PodClient) -> None:
    body = {"metadata": {"name": "x", "namespace": "default"}}
    code, reason, _ = refusal(lambda: pods.api.create_namespaced_config_map(pods.namespace, body))
    assert (code, reason) == (400, "BadRequest")


def test_plain_text_of_a_secret_is_stored_as_data(pods: PodClient) -> None:
    name = pods.create_secret({"key": "välue"})
    stored = pods.api.read_namespaced_secret(name, pods.namespace)
    assert stored.string_data is None
    assert base64.b64decode(stored.data["key"]).decode() == "välue"
    assert stored.type == "Opaque"


def test_a_key_that_is_a_path_is_refused(pods: PodClient) -> None:
    body = {"metadata": {"generateName": "map-"}, "data": {"../x": "1"}}
    code, reason, message = refusal(lambda: pods.api.create_namespaced_config_map(pods.namespace, body))
    assert (code, reason) == (422, "Invalid")
    assert "data[../x]" in message


def test_a_trial_stores_nothing(pods: PodClient) -> None:
    body = {"metadata": {"name": "trial"}, "data": {"a": "1"}}
    tried = pods.api.create_namespaced_config_map(pods.namespace, body, dry_run="All")
    assert tried.data == {"a": "1"}
    assert refusal(lambda: pods.api.read_namespaced_config_map("trial", pods.namespace))[0] == 404


def test_defaults_are_filled_in(pods: PodClient) -> None:
    body = {
        "metadata": {"generateName": "pod-"},
        "spec": {"containers": [{"name": "main", "image": pods.image, "command": ["true"]}]},
    }
    pod = pods.read(pods.create(body))
    assert pod.spec.restart_policy == "Always"
    assert pod.spec.termination_grace_period_seconds == 30
    assert pod.spec.containers[0].image_pull_policy == "IfNotPresent"
    assert pod.spec.service_account_name == "default"
    assert pod.spec.scheduler_name == "default-scheduler"
    pods.delete(pod.metadata.name, grace_period_seconds=0)


def test_deleting_a_namespace_deletes_what_is_in_it(pods: PodClient) -> None:
    name = pods.api.create_namespace({"metadata": {"generateName": "contract-other-"}}).metadata.name
    wait_until("its service account", lambda: pods.api.list_namespaced_service_account(name).items)
    other = PodClient(pods.api, name, pods.image)
    other.create_configmap({"a": "1"})
    other.create(other.build_pod(other.build_shell_container("sleep 600"), terminationGracePeriodSeconds=1))
    pods.api.delete_namespace(name)
    wait_until(
        "the namespace to be gone", lambda: name not in [item.metadata.name for item in pods.api.list_namespace().items]
    )
    assert pods.api.list_namespaced_pod(name).items == []
    assert pods.api.list_namespaced_config_map(name).items == []


def test_events_tell_what_happened_to_a_pod(pods: PodClient) -> None:
    pod = pods.run(pods.build_pod(pods.build_shell_container("exit 0")))
    selector = f"involvedObject.name={pod.metadata.name},involvedObject.uid={pod.metadata.uid}"

    def reasons() -> set[str]:
        return {event.reason for event in pods.api.list_namespaced_event(pods.namespace, field_selector=selector).items}

    wait_until("the events", lambda: reasons() >= {"Scheduled", "Created", "Started"})
    event = pods.api.list_namespaced_event(pods.namespace, field_selector=f"{selector},reason=Started").items[0]
    assert event.involved_object.kind == "Pod"
    assert event.message
    assert event.type == "Normal"
    assert event.last_timestamp
