"""A Kubernetes API for one machine, whose pods are local processes of this machine's one environment.

`python -m local_cluster` serves the part of Kubernetes that `KubernetesPodOperator` and `kubectl` use. What differs
from a cluster:

- The image name is recorded, never pulled: a container needs a `command`, and it runs with the programs of this
  machine.
- `securityContext` is recorded; the process runs as the user who started the server. `readOnlyRootFilesystem` is
  enforced where the machine allows mount namespaces.
- Pods share this machine's network and clock. Probes and life-cycle hooks are recorded, not run.
- The API listens on a loopback address, and every request needs the token from the kubeconfig that the server writes.
  HTTPS and HTTP share one port: clients send their token over TLS only, with a certificate made at the first start.
  With `--network --name NAME` others reach it too, by that name, and plain HTTP is not served at all.
- A server that is killed leaves its pods to the next one. On a full disk it refuses new objects (507) and goes on by
  itself once there is space; a file of its state that is damaged costs what it held, and no more.
- With `--code DIR`, pods that carry the annotation `local-cluster/code-snapshot` see that code as it was when their
  group's first pod started.

It is for one machine and one user (Linux). Beyond that the answer is Kubernetes; `tests/cluster` says what both must
do.
"""
