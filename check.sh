#!/usr/bin/env bash
# What a change must pass, for a person: formatting, lints, documentation, the build without a window, tests.
# Needs nothing but Rust and a C compiler. `.ci/run` runs this and then what needs system packages.
set -euo pipefail
cd "$(dirname "$0")"

step() {
  local name=$1 begun=$SECONDS
  shift
  echo "=== $name: $*"
  "$@"
  echo "=== $name: fine after $((SECONDS - begun)) s"
}

step "formatting" cargo fmt --check
step "lints" cargo clippy --all-targets --locked -- -D warnings
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked
step "without the window" cargo check --no-default-features --locked
step "tests" cargo test --locked
