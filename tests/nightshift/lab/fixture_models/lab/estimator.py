"""The estimator of the lab model."""

from sklearn.linear_model import LogisticRegression

TRUSTED: tuple[str, ...] = ()


def estimator(seed: int) -> LogisticRegression:
    """A line."""
    return LogisticRegression(random_state=seed)
