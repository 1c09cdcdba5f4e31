"""Pure functions: no I/O, no settings, no clock."""
