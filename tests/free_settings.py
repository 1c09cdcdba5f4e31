"""Settings of a platform on ports that are free, for tests that start one of their own."""

from local_platform import ports, settings

LENGTH = 13


def on_free_ports(*addresses: str) -> settings.Settings:
    """Settings on a run of free ports, of 127.0.0.1 and of `addresses`; S3 needs the last but one + 10000, too."""
    for first in range(20_000, 32_000, LENGTH):
        wanted = (*range(first, first + LENGTH), first + LENGTH - 2 + 10_000)
        if all(ports.is_free(port, address) for address in ("127.0.0.1", *addresses) for port in wanted):
            return settings.Settings(
                airflow_port=first,
                mlflow_port=first + 1,
                s3_port=first + 2,
                cluster_port=first + 3,
                s3_inner_ports=first + 4,
            )
    raise AssertionError("this machine has no free ports")
