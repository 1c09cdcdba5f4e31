"""What the commands do: the five steps in `steps`, one file for each other, all with `run(arguments) -> int`."""
