# The base may be any image that has `python3`, 3.11 or newer, with `venv`: --build-arg BASE=…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY LICENSE README.md pyproject.toml ./
COPY reconciler reconciler
# The program gets a virtual environment without pip: installing is over when the image is made.
# A pip.conf for a private index can be handed in with --secret id=pipconf,src=…; it stays out of every layer.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    python3 -m venv /opt/build \
    && /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /dist . \
    && python3 -m venv --without-pip /opt/reconcile \
    && /opt/build/bin/pip --python /opt/reconcile/bin/python install \
        --no-cache-dir --disable-pip-version-check /dist/*.whl

FROM ${BASE}
# `yes` adds an SSH client, for a configuration that is fetched from git@…; https needs none. The base must have apt-get.
ARG SSH_CLIENT=no
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reconcile" \
      org.opencontainers.image.description="GitOps for customer data between Gainsight CS and communities" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3008
RUN if [ "${SSH_CLIENT}" = yes ]; then \
        apt-get update && apt-get install -y --no-install-recommends openssh-client && rm -rf /var/lib/apt/lists/*; \
    fi \
    # A name for the number below: an SSH client refuses a user without one.
    && echo "reconcile:x:10001:10001:reconcile:/var/lib/reconcile:/usr/sbin/nologin" >>/etc/passwd \
    && echo "reconcile:x:10001:" >>/etc/group \
    && mkdir -p /config/var /var/lib/reconcile \
    && chown 10001:10001 /config/var /var/lib/reconcile
COPY --from=build /opt/reconcile /opt/reconcile
ENV PATH="/opt/reconcile/bin:${PATH}" \
    HOME=/var/lib/reconcile \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# The project file is mounted at /config/reconcile.yaml. The program writes below /config/var (state file, checkout) and /tmp,
# and a SQLite file may stand in /var/lib/reconcile; so the root file system may be read-only.
WORKDIR /config
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["reconcile", "health"]
# `reconcile run` handles SIGTERM itself, also as process 1, and waits for the processes that it starts. So there is no
# init in front of it. Other commands are short; add --init to `docker run` where they must stop at once.
STOPSIGNAL SIGTERM
ENTRYPOINT ["reconcile"]
CMD ["run", "--project", "/config", "--listen", "0.0.0.0:8080", "--log-format", "json"]
