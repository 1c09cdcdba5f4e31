"""The daily highs model: how warm each day of the coming week gets in Seattle."""
