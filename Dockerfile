# Build: RocksDB is compiled from source, by tools/rocksdb.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libclang-dev pkg-config python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN tools/setup && cargo build --release --locked $(tools/features)

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10001 clip \
    && mkdir /data && chown clip /data
COPY --from=build /src/target/release/clip-search /usr/local/bin/
# Beside the program, where it looks first.
COPY --from=build /src/.onnxruntime/ /usr/local/bin/
COPY queries /usr/share/clip-search/queries
USER clip
ENV CLIP_DATA_DIRECTORY=/data HF_HOME=/data/models PORT=5000 ORT_DISABLE_TELEMETRY=1
VOLUME /data
EXPOSE 5000
HEALTHCHECK --start-period=2m CMD curl --fail --silent "http://127.0.0.1:$PORT/health" || exit 1
ENTRYPOINT ["clip-search"]
CMD ["serve"]
