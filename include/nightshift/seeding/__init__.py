"""Landing a model's data in the lake by replaying a fixed record: `nightshift seed MODEL`."""
