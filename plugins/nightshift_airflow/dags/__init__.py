"""Makes the DAGs of a model and their tasks from its definition."""
