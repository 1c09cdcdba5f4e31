"""The two errors that end a command with one sentence."""


class CannotStart(Exception):
    """The machine lacks something. The message is one sentence that says what, and what to do."""


class NotReady(Exception):
    """A service did not answer in time, or ended. The message is one sentence that says where to look."""
