"""MLflow: runs, versions, aliases and artifacts. The only package that imports mlflow."""
