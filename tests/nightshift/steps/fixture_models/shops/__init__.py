"""A model about shops: nothing in the steps is about flights."""
