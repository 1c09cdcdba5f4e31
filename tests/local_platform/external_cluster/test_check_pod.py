"""The check pod does what every step does first, and reports what it lacks. All parts are real."""

from pathlib import Path

import pytest

from local_platform.errors import CannotStart
from local_platform.external_cluster import admission_checks, check_pod
from local_platform.external_cluster.choice import ExternalCluster
from support.embedded import build_api, list_pods, run_embedded_cluster

IMAGE = "nightshift-steps:any"
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def values(s3: dict[str, str], mlflow_server: str) -> dict[str, str]:
    """What the ConfigMap of a working platform holds."""
    plain = {name: value for name, value in s3.items() if name not in SECRETS}
    return {**plain, "MLFLOW_TRACKING_URI": mlflow_server, "NIGHTSHIFT_RUN_CODE_VERSION": "v7"}


@pytest.fixture
def secrets(s3: dict[str, str]) -> dict[str, str]:
    """What the Secret holds."""
    return {name: s3[name] for name in SECRETS}


def test_it_sees_what_steps_are_given(tmp_path: Path, values: dict[str, str], secrets: dict[str, str]) -> None:
    with run_embedded_cluster(tmp_path, values, secrets) as cluster:
        reached = check_pod.run_check_pod(build_api(cluster), IMAGE)
        assert list_pods(cluster) == []
    assert reached == check_pod.Reached(values["NIGHTSHIFT_S3_ENDPOINT"], values["MLFLOW_TRACKING_URI"], "v7")


def test_it_says_what_it_cannot_reach(tmp_path: Path, values: dict[str, str], secrets: dict[str, str]) -> None:
    elsewhere, other = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, {"AWS_SECRET_ACCESS_KEY": "of another start"}
    for more_values, more_secrets, reason in (({}, other, "S3"), (elsewhere, {}, "refused")):
        home = tmp_path / reason
        home.mkdir()
        with run_embedded_cluster(home, {**values, **more_values}, {**secrets, **more_secrets}) as cluster:
            with pytest.raises(check_pod.CheckFailed, match=reason):
                check_pod.run_check_pod(build_api(cluster), IMAGE)
            assert list_pods(cluster) == []


def test_an_account_that_is_refused_and_an_api_that_is_away_are_said(tmp_path: Path) -> None:
    with run_embedded_cluster(tmp_path) as cluster, pytest.MonkeyPatch.context() as patch:
        wrong = tmp_path / "wrong"
        config = cluster.kubeconfig.read_text()
        token = config.partition('"token": "')[2].partition('"')[0]
        wrong.write_text(config.replace(token, "x" * len(token)))
        patch.setenv("KUBECONFIG", str(wrong))
        with pytest.raises(CannotStart, match=r"does not accept the token of .*wrong"):
            admission_checks.check_rights(ExternalCluster("127.0.0.1", IMAGE), tmp_path)
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        admission_checks.check_rights(ExternalCluster("127.0.0.1", IMAGE), tmp_path)
        patch.setattr(check_pod, "TIMEOUT", 3)
        unreachable = tmp_path / "away"
        unreachable.write_text(config.replace(str(cluster.port), "9"))
        patch.setenv("KUBECONFIG", str(unreachable))
        with pytest.raises(CannotStart, match="does not answer"):
            admission_checks.check_rights(ExternalCluster("127.0.0.1", IMAGE), tmp_path)
