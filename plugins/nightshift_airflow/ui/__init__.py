"""The view inside Airflow: Data Docs, the results of steps, the way to MLflow. It only reads object storage."""
