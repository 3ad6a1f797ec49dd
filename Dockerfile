# syntax=docker/dockerfile:1
# The program and nothing else.
#
#   docker build -t poltrona .
#   docker run --rm -p 127.0.0.1:3000:3000 -v poltrona:/var/lib/poltrona poltrona
#
# Alone it is embedded, with its database in /var/lib/poltrona; with DATABASE_URL, REDIS_URL and
# RABBITMQ_URL it is one instance of many (compose.yaml).

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The registry and the target folder stay with the builder, so that a changed line compiles our own
# crates only. The program is copied out because a cache is not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package poltrona && \
    install -D -m 755 target/release/poltrona /image/poltrona && \
    install -d /image/data

# Distroless rather than a slim Debian: the program needs glibc, libgcc and the certificates of
# authorities, which is what this image is, and its health check is a command of its own. Without a
# shell and a package manager there is little to update and nothing to misuse. `cc-debian12` has the
# glibc of bookworm, which the program was built with.
FROM gcr.io/distroless/cc-debian12:nonroot

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Poltrona" \
      org.opencontainers.image.description="Sells cinema seats fast, and never one twice" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"

# 65532 is the image's own user `nonroot`. By number, for an orchestrator that demands another user
# than root reads the number and not the name.
COPY --from=build /image/poltrona /usr/local/bin/poltrona
COPY --from=build --chown=65532:65532 /image/data /var/lib/poltrona
USER 65532:65532
WORKDIR /var/lib/poltrona

# Inside a container the loopback address reaches nobody, so it listens on all of them; who reaches
# them is decided by the ports that are published. Nobody is authenticated yet.
ENV POLTRONA_HOST=0.0.0.0 \
    POLTRONA_INSECURE=true \
    POLTRONA_LOG_FORMAT=json
EXPOSE 3000

# Asks /readyz at the address that the settings describe; 3 seconds is the command's own limit.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/poltrona", "healthcheck"]

# The program handles SIGTERM itself, also as process 1: exec form, no shell between.
ENTRYPOINT ["/usr/local/bin/poltrona"]
CMD ["serve"]
