"""Settings of a platform on ports that are free, for tests that start one of their own."""

from local_platform import ports, settings

LENGTH = 12


def on_free_ports() -> settings.Settings:
    """Settings on a run of free ports; the S3 server needs the last one's number + 10000 as well."""
    for first in range(20_000, 32_000, LENGTH):
        if all(map(ports.is_free, (*range(first, first + LENGTH), first + LENGTH - 1 + 10_000))):
            return settings.Settings(
                airflow_port=first,
                mlflow_port=first + 1,
                s3_port=first + 2,
                cluster_port=first + 3,
                s3_inner_ports=first + 4,
            )
    raise AssertionError("this machine has no free ports")
