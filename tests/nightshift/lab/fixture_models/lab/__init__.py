"""The lab model: one key, one feature, one label."""
