"""What pods can mount."""

from typing import Any

from support.pod_client import Object, PodClient

TMP = "/tmp"  # noqa: S108 - the path of a pod's volume
SHARED: Object = {"name": "shared", "emptyDir": {}}


def at(path: str, name: str = "shared", **more: Any) -> list[Object]:
    return [{"name": name, "mountPath": path, **more}]


def test_an_emptydir_is_empty_and_writable(pods: PodClient) -> None:
    log = pods.read_output(
        pods.build_shell_container(
            "ls -A /new/place; echo x > /new/place/file; cat /new/place/file", volumeMounts=at("/new/place")
        ),
        volumes=[SHARED],
    )
    assert log == "x\n"


def test_an_emptydir_at_tmp(pods: PodClient) -> None:
    log = pods.read_output(
        pods.build_shell_container("touch /tmp/file; ls /tmp/file; cd /tmp; pwd", volumeMounts=at(TMP)),
        volumes=[SHARED],
    )
    assert log == f"{TMP}/file\n{TMP}\n"


def test_two_pods_do_not_share_an_emptydir(pods: PodClient) -> None:
    script = "ls -A /shared; touch /shared/mine"
    logs = [
        pods.read_output(pods.build_shell_container(script, volumeMounts=at("/shared")), volumes=[SHARED])
        for _ in range(2)
    ]
    assert logs == ["", ""]


def test_containers_of_a_pod_share_it(pods: PodClient) -> None:
    reader = pods.build_shell_container(
        "while [ ! -e /in/ready ]; do sleep 0.1; done; cat /in/ready", volumeMounts=at("/in")
    )
    writer = pods.build_shell_container(
        "echo hello > /out/part; mv /out/part /out/ready", name="writer", volumeMounts=at("/out")
    )
    assert pods.read_output(reader, writer, volumes=[SHARED]) == "hello\n"


def test_a_part_of_a_volume(pods: PodClient) -> None:
    writer = pods.build_shell_container("echo hello > /all/part/file", name="writer", volumeMounts=at("/all"))
    make = pods.build_shell_container("mkdir /all/part", name="make", volumeMounts=at("/all"))
    reader = pods.build_shell_container("cat /only/file", volumeMounts=at("/only", subPath="part"))
    assert pods.read_output(reader, initContainers=[make, writer], volumes=[SHARED]) == "hello\n"


def test_a_volume_inside_another(pods: PodClient) -> None:
    inner: Object = {"name": "inner", "emptyDir": {}}
    mounts = at("/outer") + at("/outer/inner", "inner")
    script = "touch /outer/a /outer/inner/b; ls /outer /outer/inner"
    log = pods.read_output(pods.build_shell_container(script, volumeMounts=mounts), volumes=[SHARED, inner])
    assert log == "/outer:\na\ninner\n\n/outer/inner:\nb\n"


def test_a_read_only_mount(pods: PodClient) -> None:
    script = "touch /there/file 2>/dev/null || echo refused"
    assert (
        pods.read_output(pods.build_shell_container(script, volumeMounts=at("/there", readOnly=True)), volumes=[SHARED])
        == "refused\n"
    )


def test_a_read_only_root_with_a_writable_tmp(pods: PodClient) -> None:
    script = "for place in /usr /var/tmp / /tmp; do if touch $place/file 2>/dev/null; then echo $place; fi; done"
    container = pods.build_shell_container(
        script, securityContext={"readOnlyRootFilesystem": True}, volumeMounts=at(TMP)
    )
    assert pods.read_output(container, volumes=[SHARED]) == f"{TMP}\n"


def test_a_configmap_as_files(pods: PodClient) -> None:
    name = pods.create_configmap({"one.txt": "1", "two.txt": "2"})
    volume = {"name": "files", "configMap": {"name": name}}
    log = pods.read_output(
        pods.build_shell_container(
            "cd /files; for f in *; do echo $f $(cat $f); done", volumeMounts=at("/files", "files")
        ),
        volumes=[volume],
    )
    assert log == "one.txt 1\ntwo.txt 2\n"


def test_one_key_of_a_secret_as_a_file(pods: PodClient) -> None:
    name = pods.create_secret({"password": "p", "other": "o"})
    volume = {
        "name": "files",
        "secret": {"secretName": name, "items": [{"key": "password", "path": "deep/file"}], "defaultMode": 0o400},
    }
    script = "cat /files/deep/file; echo; ls /files"
    assert (
        pods.read_output(pods.build_shell_container(script, volumeMounts=at("/files", "files")), volumes=[volume])
        == "p\ndeep\n"
    )


def test_files_of_a_configmap_cannot_be_written(pods: PodClient) -> None:
    name = pods.create_configmap({"file": "1"})
    script = "(echo 2 > /files/file) 2>/dev/null || echo refused"
    log = pods.read_output(
        pods.build_shell_container(script, volumeMounts=at("/files", "files")),
        volumes=[{"name": "files", "configMap": {"name": name}}],
    )
    assert log == "refused\n"


def test_a_missing_configmap_volume_that_is_optional(pods: PodClient) -> None:
    volume = {"name": "files", "configMap": {"name": "nowhere", "optional": True}}
    assert (
        pods.read_output(
            pods.build_shell_container("ls /files; echo end", volumeMounts=at("/files", "files")), volumes=[volume]
        )
        == "end\n"
    )
