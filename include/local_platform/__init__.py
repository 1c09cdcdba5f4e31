"""Runs everything that Nightshift needs on one machine, from Python packages alone: object storage, MLflow, a
Kubernetes API and Airflow.

`python -m local_platform up|down|status|logs|demo`, or `make` with the same commands. All state is in `.nightshift/`.
The ports, the passwords and the keys are in `.nightshift/settings.env`, which the first start writes.

| folder | holds |
|---|---|
| `services/` | what a service is, each service of the platform, and the process guard under which each of them runs |
| `one_machine/` | the platform of one machine: settings, supervisor, and the commands `up`, `down`, `status`, `logs` |
| `external_cluster/` | what is checked and written when another Kubernetes cluster replaces the embedded one |
| `compose/` | what the containers of `docker-compose.yaml` run |
| `demo/` | `make demo`: which nights it runs, how it starts them, and the summary at its end |
"""
