import airflow_environment  # noqa: F401  # before anything imports airflow
