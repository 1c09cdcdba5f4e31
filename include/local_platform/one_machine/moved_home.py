"""A home that was copied or moved: what was generated for its old place is made anew for this one.

A home remembers its own path. Airflow's generated configuration, for example, names the folder of its logs: a copy
would write into the original. The processes of the original carry its path as their mark and are never touched.
"""

from local_platform.files import read_text, write_private
from local_platform.one_machine.home import Home

GENERATED = ("airflow/airflow.cfg", "supervisord.conf", "supervisord.pid", "supervisor.sock", "kubeconfig")
"""Files that are made anew when they are missing, and that name paths, processes or addresses."""


def claim_home(home: Home) -> str:
    """Makes a copied or moved home this place's own. Returns the path that it came from; empty: it was always here."""
    here = str(home.path)
    before = (read_text(home.origin) or "").strip()
    if before == here:
        return ""
    if before:
        for name in GENERATED:
            (home.path / name).unlink(missing_ok=True)
    write_private(home.origin, f"{here}\n")
    return before
