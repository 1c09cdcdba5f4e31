"""The environment of Airflow in tests: a home of its own, this tree's DAGs and plugins, SQLite.

Airflow reads its configuration when it is imported, so a `conftest.py` imports this module first.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

if "airflow" in sys.modules and not os.environ.get("AIRFLOW_HOME", "").startswith(tempfile.gettempdir()):
    raise RuntimeError("airflow was imported before support.airflow_environment could give it a home of its own")

HOME = Path(tempfile.mkdtemp(prefix="nightshift-airflow-"))
_owner = os.getpid()


def _remove() -> None:
    if os.getpid() == _owner:  # forks of this process end, too
        shutil.rmtree(HOME, ignore_errors=True)


atexit.register(_remove)
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",  # the first file imports Airflow's providers, on a busy machine
        "AIRFLOW__CORE__UNIT_TEST_MODE": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
    }
)
for folder in ("include", "plugins"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))
