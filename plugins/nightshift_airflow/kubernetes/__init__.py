"""How Nightshift uses Kubernetes: what pods may do, how requests are retried, and what the end of a pod means."""
