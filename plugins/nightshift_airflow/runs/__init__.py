"""What is known of a DAG run: its night, what its configuration asks for, who triggered it, which tries count."""
