"""Commands that are no step of a night: one word per file, each with `main(argv) -> int`."""
