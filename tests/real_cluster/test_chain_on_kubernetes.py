"""The nightly chain on a real cluster: this machine's Airflow, as a restricted account, and pods of the steps' image.

The same DAGs as with the embedded cluster. Fixed nights of 2013, run as a backfill by Airflow's scheduler.
"""

import re
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from kubernetes import client, config

from local_platform.marked_processes import find_processes_of
from nightshift.definition import VERBS
from support import real_invariants as invariants
from support.real_chain import PLAN, Chain
from support.real_platform import RealPlatform

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]
STEPS = dict.fromkeys(VERBS, "success")


def test_a_night_is_promoted_one_refused_and_one_blocked(chain: Chain) -> None:
    ended = chain.load_nights()
    assert set(ended) == {"promoted", "refused", "blocked"}
    assert ended["blocked"].night == PLAN.corrupted
    assert chain.run(ended["promoted"].night).read_task_states() == STEPS
    assert chain.run(ended["refused"].night).read_task_states() == {**STEPS, "promote": "skipped"}
    assert chain.run(PLAN.corrupted).read_task_states() == {
        **dict.fromkeys(VERBS, "upstream_failed"),
        "validate": "failed",
    }


def test_the_nights_were_a_backfill_of_the_scheduler(chain: Chain) -> None:
    assert {chain.run(night).id.partition("__")[0] for night in PLAN.nights} == {"backfill"}


def test_a_refused_night_is_scored_with_the_champion_that_stands(chain: Chain) -> None:
    refused = chain.load_nights()["refused"]
    evaluated, scored = refused.results["evaluate"].detail, refused.results["score"].detail
    assert scored.version == evaluated.champion_version
    assert scored.rows > 500


def test_each_scored_night_has_one_manifest_and_the_alias_is_the_ledgers_last_champion(chain: Chain) -> None:
    actual = invariants.read_state(chain.real)
    invariants.check(chain.real, actual)
    scored = [night for night in PLAN.nights if night != PLAN.corrupted]
    assert len(actual.manifests) >= len(scored)
    for night in scored:
        uri = f"{invariants.SCORES}flights/date={night.fromordinal(night.toordinal() + 1)}/{invariants.MANIFEST}"
        assert uri in actual.manifests


def test_every_step_ran_from_the_image_and_the_registry_says_so(chain: Chain, real: RealPlatform) -> None:
    assert real.image_version not in ("", "unversioned")
    for night in chain.load_nights().values():
        assert {result.code_version for result in night.results.values()} == {real.image_version}
        assert all(r.caused_by.startswith("flights_nightly:backfill__") for r in night.results.values())
    actual = real.request_mlflow("model-versions/search?filter=name%3D%27flights%27&max_results=1000")["model_versions"]
    tags = [{t["key"]: t["value"] for t in version["tags"]} for version in actual]
    assert {t["nightshift.code_version"] for t in tags} == {real.image_version}


def test_the_storages_secret_is_in_no_log_and_in_no_rendered_template(chain: Chain) -> None:
    real = chain.real
    secret = real.platform.build_step_secrets()["AWS_SECRET_ACCESS_KEY"]
    logs = [*real.home.logs.rglob("*"), *(real.home.airflow / "logs").rglob("*")]
    output = {path: path.read_text(errors="replace") for path in logs if path.is_file()}
    assert any("predictions of champion" in text for text in output.values()), "the steps' own lines are not among them"
    assert [path for path, text in output.items() if secret in text] == []
    for verb in VERBS:
        rendered = str(chain.run(PLAN.nights[0]).read_task(verb))
        assert PLAN.nights[0].isoformat() in rendered, "what is rendered is not shown here"
        assert secret not in rendered


def test_airflow_may_follow_its_pods_and_nothing_else(chain: Chain) -> None:
    real = chain.real
    mine = client.CoreV1Api(config.new_client_from_config(str(real.home.manifests / "airflow.kubeconfig")))
    assert mine.list_namespaced_pod("nightshift").items is not None
    denied = {
        "a secret": lambda: mine.read_namespaced_secret("nightshift-steps", "nightshift"),
        "pods elsewhere": lambda: mine.list_namespaced_pod("kube-system"),
        "nodes": mine.list_node,
        "a pod elsewhere": lambda: mine.create_namespaced_pod("default", {"metadata": {"name": "x"}, "spec": {}}),
        "accounts": lambda: mine.list_namespaced_service_account("nightshift"),
    }
    allowed = [description for description, call in denied.items() if not _is_denied(call)]
    assert allowed == []


def _is_denied(call: object) -> bool:
    try:
        call()  # type: ignore[operator]
    except client.ApiException as error:
        return bool(error.status == 403)
    return False


def test_only_s3_and_mlflow_listen_where_pods_reach_them(chain: Chain) -> None:
    real = chain.real
    listening = {listens for process in find_processes_of(real.home.path) for listens in _listening(process)}
    key = real.platform.settings
    reached = {port for ip, port in listening if ip == real.platform.address}
    assert reached == {key.mlflow_port, key.s3_port}
    assert {ip for ip, port in listening if port == key.airflow_port} == {"127.0.0.1"}
    assert {ip for ip, _ in listening} <= {"127.0.0.1", "::ffff:127.0.0.1", real.platform.address}


def _listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Where a process listens: nowhere, when it has ended meanwhile."""
    with suppress(psutil.NoSuchProcess):
        actual = process.net_connections("inet")
        return [(item.laddr.ip, item.laddr.port) for item in actual if item.status == psutil.CONN_LISTEN]
    return []


def test_a_pod_is_no_root_has_no_token_and_writes_to_its_own_tmp_only(chain: Chain, admin: Path) -> None:
    real = chain.real
    with real.hold_service("mlflow"):
        run = real.start("faults_train", "2013-02-28", "confined")
        pod = real.wait_for_running_pod("train", saying="training:").metadata.name

        def inside(script: str) -> str:
            arguments = (
                "kubectl",
                "--kubeconfig",
                str(admin),
                "-n",
                "nightshift",
                "exec",
                pod,
                "--",
                "sh",
                "-c",
                script,
            )
            completed = subprocess.run(arguments, capture_output=True, text=True, timeout=30)
            return completed.stdout + completed.stderr

        assert inside("id -u").strip() == "10001"
        assert "Read-only file system" in inside("touch /opt/x /etc/x")
        assert inside("touch /tmp/x && echo written").strip() == "written"
        assert "No such file" in inside("ls /var/run/secrets/kubernetes.io")
        assert re.search(r"CapEff:\s*0+\n", inside("cat /proc/self/status"))
    assert run.end() == "success"
    real.wait_until_no_pod()
