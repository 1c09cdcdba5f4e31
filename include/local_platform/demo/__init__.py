"""`make demo`: a few nights through Airflow, and how they ended."""
