"""The operators of the tasks: each runs a command in a pod, or asks a person for approval."""
