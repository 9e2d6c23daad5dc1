#!/bin/sh
# Drives a self-hosted server with the engine of Element X (matrix-sdk and matrix-sdk-ui from crates.io) and writes what came of it to
# clients/rust/results.json. Needs cargo; the first build takes a quarter of an hour on one core. Not part of `npm test`.
#
#   scripts/rust-client.sh              CARGO_TARGET_DIR and CARGO_BUILD_JOBS are respected
set -eu
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/clients/rust/target}"
cargo build --locked --manifest-path clients/rust/Cargo.toml
PATH="$PWD/node_modules/.bin:$PATH" exec node --disable-warning=ExperimentalWarning scripts/rust-client.ts \
  "$CARGO_TARGET_DIR/debug/myelin-rust-client" "${1:-clients/rust/results.json}"
