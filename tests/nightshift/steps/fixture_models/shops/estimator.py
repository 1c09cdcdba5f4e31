"""The estimator of the shops model."""

from sklearn.ensemble import HistGradientBoostingClassifier

TRUSTED: tuple[str, ...] = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


def estimator(seed: int) -> HistGradientBoostingClassifier:
    """A few small trees."""
    return HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=6, random_state=seed, early_stopping=False)
