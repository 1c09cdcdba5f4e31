"""Lists and watches: what is selected, and what is seen of changes."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from support.pod_client import PodClient, wait_until

SELECTORS = {
    "shape=round": {"ball", "plate"},
    "shape==round": {"ball", "plate"},
    "shape!=round": {"box", "bare"},
    "shape=round,colour=red": {"ball"},
    "colour in (red, green)": {"ball", "box"},
    "colour notin (red)": {"box", "plate", "bare"},
    "colour": {"ball", "box"},
    "!colour": {"plate", "bare"},
    "shape,!colour": {"plate"},
    "shape=": set[str](),
    "already!=True": {"ball", "box", "plate", "bare"},
}


@pytest.fixture(scope="module")
def things(pods: PodClient) -> list[str]:
    labels = {
        "ball": {"shape": "round", "colour": "red"},
        "box": {"shape": "square", "colour": "green"},
        "plate": {"shape": "round"},
        "bare": {},
    }
    for name, item in labels.items():
        body = {"metadata": {"name": name, "labels": item, "annotations": {"things": "yes"}}}
        pods.api.create_namespaced_config_map(pods.namespace, body)
    return sorted(labels)


@pytest.mark.parametrize("selector", SELECTORS)
def test_labels_select(pods: PodClient, things: list[str], selector: str) -> None:
    selected = pods.api.list_namespaced_config_map(pods.namespace, label_selector=selector).items
    names = {item.metadata.name for item in selected} & set(things)
    assert names == SELECTORS[selector]


@pytest.mark.parametrize("selector", ["a b", "=x", "a in x", "a in (x", "a,,b", "a=b=c", "a=not allowed"])
def test_a_wrong_selector_is_refused(pods: PodClient, selector: str) -> None:
    with pytest.raises(ApiException) as refused:
        pods.api.list_namespaced_config_map(pods.namespace, label_selector=selector)
    assert refused.value.status == 400


def test_fields_select(pods: PodClient, things: list[str]) -> None:
    selected = pods.api.list_namespaced_config_map(pods.namespace, field_selector="metadata.name=ball").items
    assert [item.metadata.name for item in selected] == ["ball"]
    assert {
        item.metadata.name
        for item in pods.api.list_namespaced_config_map(pods.namespace, field_selector="metadata.name!=ball").items
    } >= (set(things) - {"ball"})


def test_pods_are_selected_by_phase(pods: PodClient) -> None:
    completed = pods.run(pods.build_pod(pods.build_shell_container("exit 0"), labels={"by": "phase"})).metadata.name
    broken = pods.run(pods.build_pod(pods.build_shell_container("exit 1"), labels={"by": "phase"})).metadata.name
    for phase, expected in (("Succeeded", [completed]), ("Failed", [broken]), ("Running", [])):
        selected = pods.api.list_namespaced_pod(
            pods.namespace, field_selector=f"status.phase={phase}", label_selector="by=phase"
        )
        assert [pod.metadata.name for pod in selected.items] == expected


def test_an_unknown_field_is_refused(pods: PodClient) -> None:
    with pytest.raises(ApiException) as refused:
        pods.api.list_namespaced_pod(pods.namespace, field_selector="spec.colour=red")
    assert refused.value.status == 400
    assert "spec.colour" in refused.value.body


def test_all_namespaces_are_listed_together(pods: PodClient, things: list[str]) -> None:
    listed = {
        (item.metadata.namespace, item.metadata.name) for item in pods.api.list_config_map_for_all_namespaces().items
    }
    assert {(pods.namespace, name) for name in things} <= listed


def test_a_list_comes_in_pages(pods: PodClient, things: list[str]) -> None:
    names: list[str] = []
    token = None
    for _ in range(50):
        page = pods.api.list_namespaced_config_map(pods.namespace, limit=2, _continue=token)
        assert len(page.items) <= 2
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert set(things) <= set(names)
    assert len(names) == len(set(names))


def changes(pods: PodClient, **options: Any) -> Iterator[tuple[str, client.V1ConfigMap]]:
    for event in watch.Watch().stream(
        pods.api.list_namespaced_config_map, pods.namespace, timeout_seconds=10, **options
    ):
        yield event["type"], event["object"]


def test_a_watch_tells_every_change_from_a_version_on(pods: PodClient) -> None:
    version = pods.api.list_namespaced_config_map(pods.namespace).metadata.resource_version
    name = pods.create_configmap({"a": "1"})
    pods.api.patch_namespaced_config_map(name, pods.namespace, {"data": {"a": "2"}})
    pods.api.delete_namespaced_config_map(name, pods.namespace)
    events: list[tuple[str, str]] = []
    for kind, item in changes(pods, resource_version=version):
        if item.metadata.name == name:
            events.append((kind, item.data["a"]))
        if kind == "DELETED":
            break
    assert events == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_a_watch_without_a_version_begins_with_what_there_is(pods: PodClient, things: list[str]) -> None:
    events = set()
    for kind, item in changes(pods):
        assert kind == "ADDED"
        events.add(item.metadata.name)
        if events >= set(things):
            break
    assert events >= set(things)


def test_a_watch_with_a_selector_sees_objects_come_and_go(pods: PodClient) -> None:
    version = pods.api.list_namespaced_config_map(pods.namespace).metadata.resource_version
    name = pods.create_configmap({"a": "1"})
    for labels in ({"seen": "yes"}, {"other": "label"}, {"seen": None}):
        pods.api.patch_namespaced_config_map(name, pods.namespace, {"metadata": {"labels": labels}})
    kinds = []
    for kind, _ in changes(pods, resource_version=version, label_selector="seen=yes"):
        kinds.append(kind)
        if kind == "DELETED":
            break
    assert kinds == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_ends_when_its_time_is_over(pods: PodClient) -> None:
    version = pods.api.list_namespaced_config_map(pods.namespace).metadata.resource_version
    stream = watch.Watch().stream(
        pods.api.list_namespaced_config_map, pods.namespace, resource_version=version, timeout_seconds=1
    )
    assert [event for event in stream if event["object"].metadata.name == "nobody"] == []


def test_a_watch_sees_a_pod_through_its_life(pods: PodClient) -> None:
    version = pods.api.list_namespaced_pod(pods.namespace).metadata.resource_version
    # A node looks at its containers once in a second or two: one that ran for less was never seen to run.
    name = pods.create(pods.build_pod(pods.build_shell_container("sleep 6"), labels={"by": "watch"}))
    phases: list[str] = []
    options = {"label_selector": "by=watch", "resource_version": version, "timeout_seconds": 60}
    for event in watch.Watch().stream(pods.api.list_namespaced_pod, pods.namespace, **options):
        phase = event["object"].status.phase
        if phase not in phases[-1:]:
            phases.append(phase)
        if phase == "Succeeded":
            break
    assert phases == ["Pending", "Running", "Succeeded"]
    pods.delete(name, grace_period_seconds=0)


def test_a_watch_is_open_before_anything_happens(pods: PodClient) -> None:
    """A client that lists, then watches from the version of the list, misses nothing."""
    version = pods.api.list_namespaced_config_map(pods.namespace).metadata.resource_version
    events: list[str] = []

    def look() -> None:
        for kind, item in changes(pods, resource_version=version, label_selector="late=yes"):
            events.append(f"{kind} {item.metadata.name}")
            return

    watcher = threading.Thread(target=look)
    watcher.start()
    pods.api.create_namespaced_config_map(pods.namespace, {"metadata": {"name": "late", "labels": {"late": "yes"}}})
    wait_until("the watch to see it", lambda: events)
    watcher.join()
    assert events == ["ADDED late"]
