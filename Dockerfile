# Two images from one file, for BuildKit and for the classic builder (so no RUN --mount):
#
#   docker build -t llm-worker .                        the daemon
#   docker build -t llm-worker-stand-ins --target stand-ins .
#                                                       the reference Core and the model stand-in
#                                                       that compose.yaml brings up beside it
#
# What changes seldom comes first. A change of ours rebuilds, and makes everybody pull, a layer of
# a few hundred kilobytes; the dependencies lie in the one below it.

FROM python:3.13-slim AS base
# A number, not only a name: Kubernetes' runAsNonRoot cannot read names.
RUN groupadd --system --gid 10001 worker \
    && useradd --system --uid 10001 --gid worker --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin worker \
    && install -d -o worker -g worker /data /data/core /data/images
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    HEALTH_URL=http://127.0.0.1:8081/live
WORKDIR /data
STOPSIGNAL SIGTERM
# The slim image has no curl. No proxy, whatever the environment says: this is about us alone.
# Whoever moves WORKER_HEALTH_PORT moves HEALTH_URL with it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(os.environ['HEALTH_URL'], timeout=4)"]

FROM base AS dependencies
# Without pip: nothing is installed into a running container.
RUN python3 -m venv --without-pip /opt/venv
COPY requirements.txt /tmp/
RUN python3 -m pip --python /opt/venv/bin/python install --require-hashes -r /tmp/requirements.txt

FROM dependencies AS stand-in-dependencies
COPY requirements-embedded.txt /tmp/
RUN python3 -m pip --python /opt/venv/bin/python install --require-hashes -r /tmp/requirements-embedded.txt

FROM base AS wheel
WORKDIR /src
RUN python3 -m pip wheel --help >/dev/null
COPY LICENSE README.md pyproject.toml ./
COPY shared shared
COPY worker worker
RUN python3 -m pip wheel --no-deps --wheel-dir /wheels .

FROM base AS stand-ins
COPY --from=stand-in-dependencies /opt/venv /opt/venv
COPY --from=wheel /wheels /tmp/wheels
RUN python3 -m pip --python /opt/venv/bin/python install --no-deps --no-index /tmp/wheels/*.whl
