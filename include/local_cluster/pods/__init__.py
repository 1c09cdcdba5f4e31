"""What a kubelet does: pods become processes, and their life becomes their status."""
