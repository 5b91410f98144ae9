#!/usr/bin/env bash
# What CI runs, for a person: formatting, lints, documentation, tests.
set -euo pipefail
cd "$(dirname "$0")"
cargo fmt --check
cargo clippy --all-targets --locked -- -D warnings
cargo test --locked
