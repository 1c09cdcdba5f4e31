"""What `make images` and `make scan` are made of: the engine, the builds, the lists of parts, the rules."""
