"""The platform of one machine: its settings, its services under one supervisor, and the commands of `make`."""
