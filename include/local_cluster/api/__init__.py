"""The HTTP side: requests become calls of the cluster, objects become replies."""
