"""The story of a version, from the records alone: the page of an auditor and the model card."""
