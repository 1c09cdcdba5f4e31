"""The tables of a lake: partitions are read exactly or refused, and published exactly once."""
