import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cluster.errors import ApiError
from local_cluster.selectors import parse_fields, parse_labels

OPERATOR_SELECTOR = "dag_id=flights_nightly,kubernetes_pod_operator=True,run_id=x,already_checked!=True,!airflow-worker"


def labelled(**labels: str) -> dict[str, object]:
    return {"metadata": {"name": "x", "labels": {key.replace("_", "-"): value for key, value in labels.items()}}}


def test_what_the_pod_operator_asks_for() -> None:
    is_selected = {"dag_id": "flights_nightly", "kubernetes_pod_operator": "True", "run_id": "x"}
    matches = parse_labels(OPERATOR_SELECTOR)
    assert matches({"metadata": {"labels": is_selected}})
    assert not matches({"metadata": {"labels": {**is_selected, "already_checked": "True"}}})
    assert not matches({"metadata": {"labels": {**is_selected, "airflow-worker": "1"}}})
    assert not matches({"metadata": {}})


@pytest.mark.parametrize("text", ["", " ", "a", " a = b ", "a in (b,c) , !d", "example.com/a=b"])
def test_accepted(text: str) -> None:
    parse_labels(text)


@pytest.mark.parametrize(
    "text", ["a=b=c", "=b", "a in b", "a in (b", "a,,b", "a b", "!", "a=b,", "a notin", "a=(b)", "-a=b", "a=-"]
)
def test_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_labels(text)
    assert refused.value.code == 400


@given(st.text(max_size=20))
def test_any_text_is_a_selector_or_a_bad_request(text: str) -> None:
    code = 0
    try:
        parse_labels(text)(labelled(a="b"))
    except ApiError as refused:
        code = refused.code
    assert code in (0, 400)


@given(st.sampled_from(["x", "y", ""]), st.sets(st.sampled_from(["x", "y", "z"]), min_size=1))
def test_in_and_notin_are_opposites(value: str, values: set[str]) -> None:
    listed = ",".join(values)
    item = labelled(key=value) if value else labelled()
    assert parse_labels(f"key in ({listed})")(item) != parse_labels(f"key notin ({listed})")(item)


def test_fields_are_read_as_text() -> None:
    pod = {"metadata": {"name": "x"}, "spec": {"nodeName": "local"}, "status": {}}
    assert parse_fields("pods", "spec.nodeName=local,status.phase!=Running")(pod)
    assert parse_fields("pods", "status.phase=")(pod)
    with pytest.raises(ApiError, match="field label not supported"):
        parse_fields("configmaps", "status.phase=Running")
