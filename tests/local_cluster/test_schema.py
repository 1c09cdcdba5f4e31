import json

import pytest

from local_cluster import schema
from local_cluster.errors import ApiError
from local_cluster.schema_build import build


def test_the_file_is_what_the_generator_makes() -> None:
    """`python -m local_cluster.schema_build` writes it anew."""
    assert schema.load_types() == json.loads(json.dumps(build()))


def test_unknown_fields_are_found_by_their_path() -> None:
    body = {"spec": {"containers": [{"name": "a", "imge": "x", "env": [{"nme": "b"}]}], "volumes": None}, "extra": 1}
    cleaned, unknown = schema.prune("Pod", body)
    assert cleaned == {"spec": {"containers": [{"name": "a", "env": [{}]}]}}
    assert unknown == ["spec.containers[0].imge", "spec.containers[0].env[0].nme", "extra"]


@pytest.mark.parametrize(
    "body",
    [
        {"spec": []},
        {"spec": {"containers": {}}},
        {"spec": {"containers": [1]}},
        {"spec": {"containers": [{"name": 1}]}},
        {"spec": {"activeDeadlineSeconds": "60"}},
        {"spec": {"activeDeadlineSeconds": True}},
        {"spec": {"hostNetwork": "yes"}},
        {"metadata": {"labels": {"a": 1}}},
        {"metadata": {"labels": []}},
        {"spec": {"containers": [{"resources": {"limits": {"cpu": []}}}]}},
        {"spec": {"containers": [{"resources": {"limits": {"cpu": "fast"}}}]}},
    ],
)
def test_wrong_types_are_refused(body: dict[str, object]) -> None:
    with pytest.raises(ApiError) as refused:
        schema.prune("Pod", body)
    assert refused.value.code == 400


def test_a_quantity_may_be_a_number() -> None:
    body = {"spec": {"containers": [{"resources": {"limits": {"cpu": 2, "memory": "1Gi"}}}]}}
    cleaned, _ = schema.prune("Pod", body)
    assert cleaned["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "1Gi"}
