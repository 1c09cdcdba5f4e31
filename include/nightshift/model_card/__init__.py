"""The model card: all that the records say of one version."""
