"""Recognises a home that was copied or moved, and removes what was generated for its old path.

A home stores its own path. Airflow's generated configuration, for example, names the folder of its logs: a copy would
write into the original. The processes of the original carry its path as their mark, so a copy never ends them.
"""

from local_platform.files import read_text, write_private
from local_platform.one_machine.home import Home

GENERATED = ("airflow/airflow.cfg", "supervisord.conf", "supervisord.pid", "supervisor.sock", "kubeconfig")
"""Files that name paths, processes or addresses, and are written again when they are missing."""


def claim_home(home: Home) -> str:
    """Stores the path of this home. Returns the path from which it was copied or moved; "" when it was not."""
    path = str(home.path)
    previous_path = (read_text(home.origin) or "").strip()
    if previous_path == path:
        return ""
    if previous_path:
        for name in GENERATED:
            (home.path / name).unlink(missing_ok=True)
    write_private(home.origin, f"{path}\n")
    return previous_path
