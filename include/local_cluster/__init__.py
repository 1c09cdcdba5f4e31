"""A Kubernetes API for one machine, whose pods are local processes of this machine's one environment.

`python -m local_cluster` serves the part of Kubernetes that `KubernetesPodOperator` and `kubectl` use; README.md says
why. It differs from a cluster in these points:

- The image name is recorded, never pulled: a container needs a `command`, and it runs with the programs of this
  machine.
- `securityContext` is recorded; the process runs as the user who started the server. `readOnlyRootFilesystem` is
  enforced where the machine allows mount namespaces.
- Pods share this machine's network and clock. Probes and life-cycle hooks are recorded, not run.
- The API listens on a loopback address, and every request needs the token from the kubeconfig that the server writes.
  HTTPS and HTTP share one port: clients send their token over TLS only, with a certificate made at the first start.
  With `--network --name NAME`, clients of other machines reach it by that name, over TLS only.
- A server that is killed leaves its pods to the next one. On a full disk it refuses new objects (507) and continues
  once there is space. A damaged file of its state costs only what it contained.
- With `--code DIR`, pods with the annotation `local-cluster/code-snapshot` see that code as it was when their group's
  first pod started.

It is for one machine and one user (Linux). For more, use a Kubernetes cluster: `tests/cluster` is what both must pass.
"""
