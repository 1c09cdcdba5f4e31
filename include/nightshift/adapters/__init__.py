"""The outside systems: one package for each."""
