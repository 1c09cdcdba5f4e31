"""The pages inside Airflow: promotions, versions, Data Docs, results of steps, and the redirect to MLflow.

They only read object storage.
"""
