import asyncio
from pathlib import Path

import pytest

from local_cluster import store as module
from local_cluster.errors import ApiError
from local_cluster.store import Store


def thing(name: str, namespace: str = "n", **more: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": namespace}, **more}


def test_objects_survive_and_versions_never_repeat(tmp_path: Path) -> None:
    first = Store(tmp_path / "file")
    remaining = first.put("things", thing("a", data="1"))
    gone = first.put("things", thing("b"))
    first.remove("things", gone)
    last = first.version
    first.close()
    second = Store(tmp_path / "file")
    assert second.get("things", "n", "a") == remaining
    assert second.get("things", "n", "b") is None
    assert second.version >= last
    assert int(second.put("things", thing("c"))["metadata"]["resourceVersion"]) > last
    second.close()


def test_the_file_is_private(tmp_path: Path) -> None:
    Store(tmp_path / "file").close()
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0


def test_history_is_told_from_a_version_on_and_forgotten_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HISTORY", 3)
    store = Store(tmp_path / "file")
    versions = [int(store.put("things", thing(name))["metadata"]["resourceVersion"]) for name in "abcde"]
    assert [change.item["metadata"]["name"] for change in store.list_changes_since(versions[2])] == ["d", "e"]
    assert len(store.list_changes_since(versions[1])) == 3
    with pytest.raises(ApiError) as refused:
        store.list_changes_since(versions[0])
    assert refused.value.code == 410
    store.close()


def test_what_happened_before_this_server_is_not_known(tmp_path: Path) -> None:
    store = Store(tmp_path / "file")
    version = store.version
    store.put("things", thing("a"))
    store.close()
    second = Store(tmp_path / "file")
    with pytest.raises(ApiError):
        second.list_changes_since(version)
    assert second.list_changes_since(second.version) == []
    second.close()


def test_subscribers_get_each_change_until_they_leave(tmp_path: Path) -> None:
    async def follow() -> list[str]:
        store = Store(tmp_path / "file")
        with store.subscribe() as queue:
            created = store.put("things", thing("a"))
            store.remove("things", created)
            changes = [queue.get_nowait() for _ in range(2)]
        store.put("things", thing("b"))
        assert queue.empty()
        store.close()
        return ["removed" if change.is_removal else "put" for change in changes]

    assert asyncio.run(follow()) == ["put", "removed"]


def test_a_list_is_in_order_and_of_one_namespace(tmp_path: Path) -> None:
    store = Store(tmp_path / "file")
    for namespace, name in (("z", "a"), ("n", "b"), ("n", "a")):
        store.put("things", thing(name, namespace))
    store.put("others", thing("x"))
    assert [item["metadata"]["name"] for item in store.select("things", "n")] == ["a", "b"]
    assert [item["metadata"]["namespace"] for item in store.select("things")] == ["n", "n", "z"]
    store.close()
