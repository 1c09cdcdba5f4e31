"""Nightshift: retrain every night, promote only what wins."""
