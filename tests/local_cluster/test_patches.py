from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cluster import patches
from local_cluster.errors import ApiError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


def test_lists_with_a_key_are_merged() -> None:
    pod = {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}
    change = {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}, {"name": "c"}]}
    assert patches.merge_strategically(pod, change) == {
        "containers": [
            {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
            {"name": "b"},
            {"name": "c"},
        ]
    }


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"command": ["new"]}, {"command": ["new"]}),
        ({"env": [{"name": "X", "$patch": "delete"}]}, {"env": []}),
        ({"env": [{"$patch": "replace"}, {"name": "Z"}]}, {"env": [{"name": "Z"}]}),
        ({"$patch": "replace", "only": 1}, {"only": 1}),
        ({"$retainKeys": ["only"], "only": 1}, {"only": 1}),
        ({"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        ({"finalizers": ["b", "c"]}, {"finalizers": ["a", "b", "c"]}),
        ({"$setElementOrder/env": [{"name": "X"}], "env": None}, {}),
    ],
)
def test_directives(change: dict[str, Any], result: dict[str, Any]) -> None:
    start = {"command": ["old"], "env": [{"name": "X", "value": "1"}], "finalizers": ["a", "b"]}
    changed = patches.merge_strategically(start, change)
    touched = {key.partition("/")[2] or key for key in change}
    assert {key: value for key, value in changed.items() if key in touched | set(result)} == result


def test_an_element_without_its_key_is_refused() -> None:
    with pytest.raises(ApiError, match="merge key: name"):
        patches.merge_strategically({"env": []}, {"env": [{"value": "1"}]})


def test_merge_patch_replaces_lists_and_drops_nulls() -> None:
    assert patches.merge({"a": [1, 2], "b": {"c": 1, "d": 2}}, {"a": [3], "b": {"c": None}}) == {
        "a": [3],
        "b": {"d": 2},
    }


@given(OBJECTS, OBJECTS)
def test_a_patch_leaves_its_inputs_and_repeats(target: dict[str, Any], change: dict[str, Any]) -> None:
    before = repr((target, change))
    once = patches.merge(target, change)
    assert patches.merge(once, change) == once
    assert repr((target, change)) == before


@pytest.mark.parametrize(
    ("operations", "result"),
    [
        ([{"op": "add", "path": "/a/-", "value": 3}], {"a": [1, 2, 3]}),
        ([{"op": "add", "path": "/a/0", "value": 0}], {"a": [0, 1, 2]}),
        ([{"op": "remove", "path": "/a/1"}], {"a": [1]}),
        ([{"op": "replace", "path": "/a/0", "value": 9}], {"a": [9, 2]}),
        ([{"op": "move", "from": "/a", "path": "/b"}], {"b": [1, 2]}),
        ([{"op": "copy", "from": "/a/0", "path": "/x~1y"}], {"a": [1, 2], "x/y": 1}),
        ([{"op": "test", "path": "/a/0", "value": 1}], {"a": [1, 2]}),
        ([{"op": "replace", "path": "", "value": {}}], {}),
    ],
)
def test_json_patch(operations: list[dict[str, Any]], result: dict[str, Any]) -> None:
    assert patches.apply_json_patch({"a": [1, 2]}, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/absent"},
        {"op": "replace", "path": "/a/7", "value": 1},
        {"op": "add", "path": "/a/7", "value": 1},
        {"op": "test", "path": "/a", "value": []},
        {"op": "dance", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
        {"path": "/a"},
        "text",
    ],
)
def test_a_json_patch_that_does_not_fit(operation: Any) -> None:
    with pytest.raises(ApiError) as refused:
        patches.apply_json_patch({"a": [1, 2]}, [operation])
    assert refused.value.code == 422
