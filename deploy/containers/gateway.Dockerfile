# The gateway alone, compiled: no database, no framework. Built from the repository's root; BASE as in server.Dockerfile.
ARG BASE
# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /src
COPY deploy/containers/gateway.lock deploy/containers/build.lock ./
COPY packages/contracts packages/contracts
COPY packages/gateway packages/gateway
RUN python3 -m venv /opt/mercato \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps --require-hashes -r gateway.lock \
 && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes -r build.lock -r gateway.lock \
 && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /wheels ./packages/contracts ./packages/gateway \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="mercato-gateway" org.opencontainers.image.version="0.1.0" \
     org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mercato /opt/mercato
# A new volume takes the owner of the folder that it covers.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/mercato
ENV PATH=/opt/mercato/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 MERCATO_GATEWAY_STATE=/var/lib/mercato \
    MERCATO_GATEWAY_LISTEN=0.0.0.0:8080 MERCATO_GATEWAY_ADMIN=0.0.0.0:9180
USER 10001:10001
VOLUME ["/var/lib/mercato"]
EXPOSE 8080 9180
# SIGTERM drains; the spool in the volume outlives the container.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['MERCATO_GATEWAY_ADMIN'].rpartition(':')[2] + '/readyz', timeout=2)"]
ENTRYPOINT ["mercato-gateway"]
