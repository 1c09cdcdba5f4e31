"""The addresses of the pages that a model card mentions. One that is not known is empty, and then there is no link."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from nightshift.model_card.card import Origin

PAGE = re.compile(
    r"\Adocs/(?P<model>[a-z0-9_]+)/(?P<night>[0-9]{4}-[0-9]{2}-[0-9]{2})/(?P<dataset>[a-z0-9_]+)/(?P<check>[0-9a-f]{20})"
    r"/index\.html\Z"
)
CAUSE = re.compile(r"\A(?!shell:)(?P<dag>[A-Za-z0-9_.-]+):(?P<run>[\w.:+~-]+)\Z", re.ASCII)


@dataclass(frozen=True)
class Links:
    """Addresses as the reader's browser reaches them, without a slash at the end; None: not known.

    `view`: Nightshift's view in Airflow (`https://airflow.example/nightshift`, or a path); `airflow`: Airflow itself;
    `mlflow`: MLflow.
    """

    view: str | None = None
    airflow: str | None = None
    mlflow: str | None = None

    def link_docs(self, key: str) -> str:
        """The Data Docs page with this object key."""
        match = PAGE.match(key)
        if self.view is None or not match:
            return ""
        return f"{self.view}/docs/{match['model']}/{match['night']}/{match['dataset']}/{match['check']}"

    def link_result(self, model: str, night: str, verb: str) -> str:
        """The result of a step."""
        return "" if self.view is None or not night else f"{self.view}/runs/{quote(model)}/{quote(night)}/{verb}"

    def link_version(self, model: str, number: int) -> str:
        """The model card of a version."""
        return "" if self.view is None else f"{self.view}/versions/{quote(model)}/{number}"

    def run(self, origin: Origin) -> str:
        """The MLflow run."""
        if self.mlflow is None or not origin.run_id:
            return ""
        if not origin.experiment:
            return f"{self.mlflow}/#/runs/{quote(origin.run_id)}"
        return f"{self.mlflow}/#/experiments/{quote(origin.experiment)}/runs/{quote(origin.run_id)}"

    def link_artifact(self, origin: Origin, name: str) -> str:
        """A file of the MLflow run, in MLflow's own viewer."""
        run = self.run(origin)
        return f"{run}/artifacts/{quote(name)}" if run and origin.experiment else ""

    def link_registered_version(self, model: str, number: int) -> str:
        """The version in MLflow's registry."""
        return "" if self.mlflow is None else f"{self.mlflow}/#/models/{quote(model)}/versions/{number}"

    def link_cause(self, by: str) -> str:
        """The DAG run that caused something; "" for a person in a shell (`shell:ada`)."""
        match = CAUSE.match(by)
        if self.airflow is None or not match:
            return ""
        return f"{self.airflow}/dags/{match['dag']}/runs/{quote(match['run'])}"
