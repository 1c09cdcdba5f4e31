"""Who may see what: a user who is logged in to Airflow sees the models whose nightly DAG he or she may read.

Airflow does not authenticate the pages of a plugin. This is the way that its documentation shows.
"""

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends

from nightshift import catalog

User = Annotated[BaseUser, Depends(get_user)]


class Forbidden(Exception):
    """The user may not read this model's DAG."""


def require(user: BaseUser, model: str) -> None:
    """Raises `Forbidden` unless `user` may read the nightly DAG of `model`."""
    if not _can_read(user, model):
        raise Forbidden(f"you may not read the DAG {model}_nightly, whose data this is")


def list_readable_models(user: BaseUser) -> list[str]:
    """Returns the models that `user` may read, sorted."""
    return [name for name in catalog.list_names() if _can_read(user, name)]


def _can_read(user: BaseUser, model: str) -> bool:
    return get_auth_manager().is_authorized_dag(method="GET", details=DagDetails(id=f"{model}_nightly"), user=user)
