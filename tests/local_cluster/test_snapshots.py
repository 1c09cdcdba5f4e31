"""Pods of one group run with the code as it was when the group's first pod started."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cluster.pods.snapshots import SnapshotError, Snapshots
from support.cluster_server import ClusterServer
from support.pod_client import Object, PodClient

READS = "python -c 'import sys; sys.path.insert(0, sys.argv[1]); import step; print(step.SAYS)' {0}; cat {0}/text/a.sql"
DIGEST = {"fieldRef": {"fieldPath": "metadata.annotations['local-cluster/code-digest']"}}


def _write(code: Path, says: str) -> None:
    (code / "text").mkdir(parents=True, exist_ok=True)
    (code / "step.py").write_text(f"SAYS = {says!r}\n")
    (code / "text" / "a.sql").write_text(says)


def _pod(pods: PodClient, group: str, script: str, **fields: Any) -> Object:
    env = [{"name": "DIGEST", "valueFrom": DIGEST}]
    pod = pods.build_pod(
        pods.build_shell_container(script + '; echo; echo "$DIGEST"', env=env, **fields.pop("container", {})), **fields
    )
    pod["metadata"]["annotations"] = {"local-cluster/code-snapshot": group} if group else {}
    return pod


def _said(pods: PodClient, pod: Object) -> list[str]:
    return pods.log(pods.run(pod).metadata.name).split("\n")[:3]


@pytest.fixture(params=["auto", "none"])
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[PodClient, Path]]:
    code = tmp_path / "code"
    _write(code, "old")
    server = ClusterServer(tmp_path / "home", ("--code", str(code), "--isolation", request.param)).start()
    yield server.build_pod_client(), code
    server.end()


def test_a_later_pod_of_a_group_runs_the_code_of_the_first(served: tuple[PodClient, Path]) -> None:
    pods, code = served
    reads = "python -c 'import step; print(step.SAYS)'; cat $SQL/text/a.sql"
    env = [{"name": name, "value": str(code)} for name in ("PYTHONPATH", "SQL")]

    def said(group: str) -> list[str]:
        pod = _pod(pods, group, reads)
        pod["spec"]["containers"][0]["env"] += env
        return _said(pods, pod)

    first = said("run-1")
    assert first[:2] == ["old", "old"]
    assert len(first[2]) == 64
    _write(code, "new")
    assert said("run-1") == first
    second = said("run-2")
    assert second[:2] == ["new", "new"]
    assert second[2] != first[2]
    assert said("")[:3] == ["new", "new", ""]


def test_a_snapshot_stays_over_a_volume_that_covers_the_code(tmp_path: Path) -> None:
    """A checkout below /tmp is shown again below the pod's own /tmp: also there the snapshot counts."""
    code = tmp_path / "code"
    _write(code, "old")
    options = ("--code", str(code), "--keep", str(tmp_path))
    server = ClusterServer(tmp_path / "home", options).start()
    pods = server.build_pod_client()
    volume: Object = {"volumes": [{"name": "tmp", "emptyDir": {}}]}
    mounts = {"volumeMounts": [{"name": "tmp", "mountPath": str(tmp_path.parent)}]}
    pod = _pod(pods, "run", READS.format(code), container=mounts, **volume)
    first = _said(pods, pod)
    _write(code, "new")
    assert _said(pods, pod) == first
    assert first[:2] == ["old", "old"]
    server.end()


def _take(snapshots: Snapshots, group: str) -> str:
    return asyncio.run(snapshots.take(group))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    _write(tmp_path / "code", "old")
    return tmp_path / "code"


def test_groups_share_a_copy_of_the_same_code(tmp_path: Path, code: Path) -> None:
    snapshots = Snapshots(tmp_path / "kept", (code,))
    assert _take(snapshots, "a") == _take(snapshots, "b")
    assert len([path for path in (tmp_path / "kept").iterdir() if path.name != "groups"]) == 1


def test_another_server_finds_the_copy(tmp_path: Path, code: Path) -> None:
    digest = _take(Snapshots(tmp_path / "kept", (code,)), "a")
    _write(code, "new")
    assert _take(Snapshots(tmp_path / "kept", (code,)), "a") == digest


def test_a_copy_that_is_damaged_is_refused_not_replaced(tmp_path: Path, code: Path) -> None:
    snapshots = Snapshots(tmp_path / "kept", (code,))
    digest = _take(snapshots, "a")
    (Path(snapshots.list_mounts(digest)[0].source) / "step.py").write_text("")
    _write(code, "new")
    with pytest.raises(SnapshotError, match=f"snapshot {digest[:12]}.*clear the run's tasks"):
        _take(Snapshots(tmp_path / "kept", (code,)), "a")
    _write(code, "old")
    assert _take(Snapshots(tmp_path / "kept", (code,)), "b") == digest
    assert _take(Snapshots(tmp_path / "kept", (code,)), "a") == digest


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"digest": "../../x"}'])
def test_a_group_whose_record_cannot_be_read_begins_anew(
    tmp_path: Path, code: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = Snapshots(tmp_path / "kept", (code,))
    digest = _take(snapshots, "a")
    (record,) = (tmp_path / "kept" / "groups").iterdir()
    record.write_bytes(content)
    assert _take(snapshots, "a") == digest
    assert "cannot be read" in caplog.text


def test_what_no_group_used_for_a_day_is_removed(tmp_path: Path, code: Path) -> None:
    snapshots = Snapshots(tmp_path / "kept", (code,))
    digests = []
    for group in ("old", "old but alive", "young"):
        _write(code, group)
        digests.append(_take(snapshots, group))
    for path in (tmp_path / "kept").rglob("*"):
        os.utime(path, (0, 0))
    _take(snapshots, "young")
    asyncio.run(snapshots.sweep({"old but alive"}))
    remaining = {path.name for path in (tmp_path / "kept").iterdir()} - {"groups"}
    assert remaining == set(digests[1:])
    assert len(list((tmp_path / "kept" / "groups").iterdir())) == 2


def test_no_copy_is_left_half_made(tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots, write = Snapshots(tmp_path / "kept", (code,)), Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "a.sql":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        _take(snapshots, "a")
    assert not list((tmp_path / "kept").iterdir())
    monkeypatch.undo()
    assert _take(snapshots, "a")


def test_a_link_to_a_folder_is_copied_and_a_loop_ends(tmp_path: Path, code: Path) -> None:
    _write(tmp_path / "elsewhere", "linked")
    (code / "model").symlink_to(tmp_path / "elsewhere")
    (code / "loop").symlink_to(code)
    (code / "nowhere").symlink_to(tmp_path / "missing")
    snapshots = Snapshots(tmp_path / "kept", (code,))
    digest = _take(snapshots, "a")
    copy = Path(snapshots.list_mounts(digest)[0].source)
    assert (copy / "model" / "text" / "a.sql").read_text() == "linked"
    (tmp_path / "elsewhere" / "step.py").write_text("SAYS = 'changed'\n")
    assert _take(snapshots, "b") != digest
