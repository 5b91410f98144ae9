#!/usr/bin/env bash
# Plays every target for so many seconds (60), each from its corpus, FUZZ_JOBS (2) targets at a time.
# Needs cargo-fuzz (`cargo install cargo-fuzz --locked`) and a C++ compiler. No nightly: coverage needs none, and a sanitizer would
# find nothing in a crate without unsafe code.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
export RUSTC_BOOTSTRAP=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cargo fuzz build --fuzz-dir . --sanitizer none
play() {
  local target=$1 seconds=$2 scratch=$3
  # What is found goes to a scratch folder: the corpus in the repository grows only when a person says so.
  mkdir "$scratch/$target"
  if cargo fuzz run --fuzz-dir . --sanitizer none "$target" "$scratch/$target" "corpus/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 >"$scratch/$target.log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$target.log") inputs, no fault"
  else
    cat "$scratch/$target.log"
    echo "$target FAILED; the input is in fuzz/artifacts/$target"
    return 1
  fi
}
export -f play
cargo fuzz list --fuzz-dir . | xargs -P "${FUZZ_JOBS:-2}" -I{} bash -c 'play "$@"' _ {} "$seconds" "$scratch"
echo "$(cargo fuzz list --fuzz-dir . | wc -l) passed, 0 failed"
