#!/usr/bin/env bash
# Plays every target for so many seconds (60), each from its corpus, FUZZ_JOBS targets at a time (as many as there are cores).
# Usage: run.sh [SECONDS [REPORT]]; `run.sh 3600 report.md` is the run of an hour each, and leaves a table of what was played.
# With FUZZ_GROW=1 what was found joins the corpus, as far as it reaches code that nothing in the corpus does.
# Needs cargo-fuzz (`cargo install cargo-fuzz --locked`) and a C++ compiler. No nightly: coverage needs none, and a sanitizer would
# find nothing in a crate without unsafe code.
set -euo pipefail
report=${2:+$(realpath -m "$2")}
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
  if ! cargo fuzz run --fuzz-dir . --sanitizer none "$target" "$scratch/$target" "corpus/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 >"$scratch/$target.log" 2>&1; then
    cat "$scratch/$target.log"
    echo "$target FAILED; the input is in fuzz/artifacts/$target"
    return 1
  fi
  stat() { sed -n "s/^stat::$1: *//p" "$scratch/$target.log"; }
  local reached
  reached=$(grep -o 'cov: [0-9]*' "$scratch/$target.log" | tail -n 1)
  echo "| $target | $(stat number_of_executed_units) | $(stat average_exec_per_sec) | ${reached#cov: } | $(stat peak_rss_mb) |" >"$scratch/$target.row"
  echo "$target: $(stat number_of_executed_units) inputs, no fault"
  if [ "${FUZZ_GROW:-0}" = 1 ]; then
    local before
    before=$(ls "corpus/$target" | wc -l)
    # As few and as short ones as reach all of it; those that have a name stay.
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "$scratch/$target" -- -set_cover_merge=1 -max_len=400 >"$scratch/$target.log" 2>&1
    echo "$target: $(($(ls "corpus/$target" | wc -l) - before)) more in its corpus"
  fi
}
export -f play
cargo fuzz list --fuzz-dir . | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I{} bash -c 'set -euo pipefail; play "$@"' _ {} "$seconds" "$scratch"
if [ -n "$report" ]; then
  {
    echo "$seconds seconds each, no fault. Places reached are those of the code that the compiler counts."
    echo
    echo "| target | inputs | a second | places reached | MiB at most |"
    echo "|--|--:|--:|--:|--:|"
    cat "$scratch"/*.row
  } >"$report"
fi
echo "$(cargo fuzz list --fuzz-dir . | wc -l) passed, 0 failed"
