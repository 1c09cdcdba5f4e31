"""Decides who is champion: the ledger is the truth, MLflow's alias `champion` is brought to where the ledger ends."""
