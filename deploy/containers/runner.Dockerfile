# A vendor's project in the runner that `mp dev` uses. Built from the repository's root; the project is mounted at /project.
ARG BASE
# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /src
COPY deploy/containers/runner.lock deploy/containers/build.lock ./
RUN python3 -m venv /opt/mercato \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps --require-hashes -r runner.lock \
 && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes -r build.lock
COPY packages/contracts packages/contracts
COPY packages/checks packages/checks
COPY packages/cli packages/cli
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /wheels ./packages/contracts ./packages/checks ./packages/cli \
 && /opt/mercato/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="mercato-runner" org.opencontainers.image.version="0.1.0" \
     org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mercato /opt/mercato
ENV PATH=/opt/mercato/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:10001
WORKDIR /project
VOLUME ["/project", "/tmp"]
EXPOSE 8800
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8800/healthz', timeout=4)"]
ENTRYPOINT ["python3", "-m", "mercato_cli.runner"]
CMD ["serve", "--project", "/project", "--host", "0.0.0.0", "--port", "8800"]
