"""The arguments and the help of every command: one file each, with DETAILS, EXAMPLES and `add_arguments`.

They stand apart from `nightshift.commands`, so that help and wrong arguments cost no import of what the command runs.
"""
