# Any image with a Python 3.11 or newer will do: --build-arg BASE_IMAGE=…
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /opt/reconcile
COPY LICENSE README.md pyproject.toml ./
COPY reconciler reconciler
# A pip.conf for a private index can be handed in with --secret id=pipconf,src=…; it stays out of every layer.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    /opt/reconcile/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="reconcile" \
      org.opencontainers.image.description="GitOps for customer data between Gainsight CS and communities" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/reconcile /opt/reconcile
ENV PATH="/opt/reconcile/bin:${PATH}" \
    PYTHONUNBUFFERED=1
# The configuration is mounted at /config; a SQLite database and the state file may live in /var/lib/reconcile.
RUN mkdir -p /config /var/lib/reconcile && chown 10001:10001 /var/lib/reconcile
WORKDIR /config
USER 10001:10001
ENTRYPOINT ["reconcile"]
CMD ["--help"]
