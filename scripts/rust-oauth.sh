#!/bin/sh
# Logs in to a self-hosted server through OAuth 2.0 with the engine of Element X (matrix-sdk from crates.io), over TLS, and says what it has shown.
# Needs cargo and openssl; the first build takes a quarter of an hour on one core. Not part of `npm test`.
#
#   scripts/rust-oauth.sh              CARGO_TARGET_DIR and CARGO_BUILD_JOBS are respected
set -eu
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/clients/rust/target}"
cargo build --locked --manifest-path clients/rust/Cargo.toml --bin oauth
# The server's certificate is made for this run, and nobody but this program asks it anything.
NODE_TLS_REJECT_UNAUTHORIZED=0 PATH="$PWD/node_modules/.bin:$PATH" exec node --no-warnings scripts/rust-oauth.ts "$CARGO_TARGET_DIR/debug/oauth"
