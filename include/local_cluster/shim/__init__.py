"""The parent process of one container: starts it, records its output and its end, outlives the server.

The shim uses nothing but the standard library, and little of it: its start is part of the start of every pod.
"""
