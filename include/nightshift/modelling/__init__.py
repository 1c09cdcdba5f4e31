"""From validated nights to a version: features, fits, predictions and what is measured on them."""
