"""A Kubernetes cluster that another runs, in the place of the embedded one."""
