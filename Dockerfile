# Two images from one file, for BuildKit and for the classic builder (hence no RUN --mount):
#
#   docker build -t llm-worker .                                   the daemon
#   docker build -t llm-worker-stand-ins --target stand-ins .      what compose.yaml puts beside it:
#                                              the reference Core and the model stand-in
#
# What seldom changes comes first: a change of ours makes a new layer of a megabyte, and
# the hundred megabytes of dependencies stay in the layer below.

FROM python:3.13-slim AS foundation
# The user by number, too: Kubernetes' runAsNonRoot reads no names.
RUN groupadd --system --gid 10001 worker \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin worker \
    && install -d -o 10001 -g 10001 /data /data/core /data/images
# Whoever moves WORKER_HEALTH_PORT moves HEALTH_URL with it.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WORKER_HEALTH_HOST=0.0.0.0 \
    HEALTH_URL=http://127.0.0.1:8081/live
WORKDIR /data
STOPSIGNAL SIGTERM
# In Python, for the slim image has no curl; without the proxy that the environment may name.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(os.environ['HEALTH_URL'], timeout=4)"]

# ------------------------------------------------------------------------------- built, then left

FROM foundation AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv

FROM builder AS dependencies
COPY requirements.txt /tmp/
RUN pip install --require-hashes -r /tmp/requirements.txt

FROM dependencies AS stand-in-dependencies
COPY requirements-embedded.txt /tmp/
RUN pip install --require-hashes -r /tmp/requirements-embedded.txt

# The project goes to /app, laid out as it will lie in /opt/venv, to be a layer of its own there.
# Its build backend is hash-checked as everything else: the versions developers use.
FROM builder AS project
COPY requirements-dev.txt /tmp/
RUN sed -nE '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/,/[^\\]$/p' \
        /tmp/requirements-dev.txt >/tmp/requirements-build.txt \
    && pip install --require-hashes -r /tmp/requirements-build.txt
WORKDIR /src
COPY LICENSE README.md pyproject.toml ./
COPY shared shared
COPY worker worker
RUN pip install --no-deps --no-build-isolation --prefix /app .

# ------------------------------------------------------------------------------------- the images

FROM foundation AS stand-ins
COPY --from=stand-in-dependencies /opt/venv /opt/venv
COPY --from=project /app /opt/venv
# A new volume begins with what its folder holds: pictures to try image_tag on.
RUN python -c "from pathlib import Path; from worker.embedded.samples import paint; paint(Path('/data/images'))"
USER 10001:10001
CMD ["python", "-m", "worker.embedded.core", "--host", "0.0.0.0", "--database", "/data/core/core.sqlite3"]

FROM foundation AS worker
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=project /app /opt/venv
USER 10001:10001
VOLUME ["/data/images"]
EXPOSE 8081
# The exec form: the daemon is PID 1 and hears SIGTERM itself.
ENTRYPOINT ["llm-worker"]
CMD ["run"]
