"""What runs inside Airflow: the operator of every step, its pod policy, and the rule that finds a run's night."""
