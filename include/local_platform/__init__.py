"""Everything Nightshift needs on one bare machine, from Python packages alone: object storage, MLflow, a Kubernetes API
and Airflow.

`python -m local_platform up|down|status|logs|demo`, or `make` with the same words. All state lives in `.nightshift/`;
the ports, the passwords and the keys are in `.nightshift/settings.env`, which the first start writes.
"""
