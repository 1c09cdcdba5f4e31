"""Ports that are free, and settings of a platform on such ports, for tests that start one of their own.

A server may take half a minute until it listens. What the system would choose for a test, it may give to somebody else
meanwhile. So these ports lie below those that it chooses from, and each process of a test run has its own.
"""

import os
from itertools import count, islice

from local_platform.one_machine import ports, settings

LENGTH, BLOCKS, SINGLE = 13, 100, 1_000
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 9
_next = count(os.getpid())


def find_free_ports(number: int) -> list[int]:
    """Different ports of this machine that are free; one process gets none a second time before it had them all."""
    tried = (10_000 + SINGLE * WORKER + next(_next) % SINGLE for _ in range(SINGLE))
    actual = list(islice(filter(ports.is_free, tried), number))
    assert len(actual) == number, "this machine has no free ports"
    return actual


def build_settings_on_free_ports(*addresses: str) -> settings.Settings:
    """Settings on a run of free ports, of 127.0.0.1 and of `addresses`; S3 needs the last but one + 10000, too."""
    for number in range(BLOCKS):
        first = 20_000 + LENGTH * (BLOCKS * WORKER + (os.getpid() + number) % BLOCKS)
        expected = (*range(first, first + LENGTH), first + LENGTH - 2 + 10_000)
        if all(ports.is_free(port, address) for address in ("127.0.0.1", *addresses) for port in expected):
            return settings.Settings(
                airflow_port=first,
                mlflow_port=first + 1,
                s3_port=first + 2,
                cluster_port=first + 3,
                s3_inner_ports=first + 4,
            )
    raise AssertionError("this machine has no free ports")
