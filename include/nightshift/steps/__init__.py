"""The steps: one verb per file, each a `run(step) -> Outcome` that loads, calls the core and saves."""
