# Not run yet: this image has not been built. The commands in it are those of a plain build.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile production -p api \
    && cp target/production/lianxin /usr/local/bin/lianxin

FROM debian:bookworm-slim
# a fixed id, so that the owner of mounted secrets can be set to it
RUN groupadd --system --gid 10001 lianxin \
    && useradd --system --uid 10001 --gid lianxin --home-dir /var/lib/lianxin --create-home --shell /usr/sbin/nologin lianxin
COPY --from=build /usr/local/bin/lianxin /usr/local/bin/lianxin
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/lianxin/
USER 10001:10001
WORKDIR /var/lib/lianxin
ENV LIANXIN_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["lianxin"]
CMD ["serve"]
