"""The view inside Airflow: promotions and the stories of versions, Data Docs, results of steps, the way to MLflow.

It only reads object storage.
"""
