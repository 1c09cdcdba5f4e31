"""What runs inside Airflow: the DAGs, their operators, the policy of pods, what a run asks for, and the pages.

`dags` uses `operators`, which use `kubernetes`, which uses `runs`. `ui` stands apart: it only reads object storage.
"""
