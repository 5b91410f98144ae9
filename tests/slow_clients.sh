#!/usr/bin/env bash
# Clients that are slow on purpose, in all four modes of slowhttptest, hold up no honest one.
# Usage: slow_clients.sh PATH_TO_TIDEGATE; needs slowhttptest and curl.
set -euo pipefail
binary=$1
scratch=$(mktemp -d)
"$binary" --demo --headless --port 0 --config-dir "$scratch/config" >"$scratch/out" 2>"$scratch/log" &
server=$!
trap 'kill "$server" ${slow:-} 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$scratch/out")
  [ -n "$url" ] && break
  kill -0 "$server" || { cat "$scratch/log"; exit 1; }
  sleep 0.1
done

# An honest request, which must be answered in time.
ask() {
  curl --silent --show-error --fail --max-time 5 -o /dev/null -H 'content-type: application/json' "$url/chat/completions" \
    -d '{"model":"demo-chat","max_tokens":5,"messages":[{"role":"user","content":"Is anyone there?"}]}'
}

passed=0
# Its name, how many honest requests there is time for at least (ranges are answered at once, which ends that mode), its options.
attack() {
  local name=$1 least=$2
  shift 2
  slowhttptest -c 800 -r 400 -i 3 -l 12 -p 5 "$@" >"$scratch/slow" 2>&1 &
  slow=$!
  local answers=0
  while kill -0 "$slow" 2>/dev/null; do
    ask || { echo "$name: an honest request was not answered"; tail -n 20 "$scratch/slow"; exit 1; }
    answers=$((answers + 1))
    sleep 0.5
  done
  wait "$slow" || true
  [ "$answers" -ge "$least" ] || { echo "$name ended at once: $(cat "$scratch/slow")"; exit 1; }
  echo "$name: $answers honest requests beside 800 slow connections, all answered"
  passed=$((passed + 1))
}

attack "slow heads" 5 -H -u "${url%/v1}/v1/models"
attack "slow bodies" 5 -B -s 8192 -t POST -u "$url/chat/completions"
attack "ranges" 1 -R -t GET -u "${url%/v1}/_tidegate/status"
attack "slow readers" 5 -X -n 1 -w 10 -y 20 -z 5 -k 3 -u "${url%/v1}/_tidegate/status"
kill -TERM "$server"
# What is slow on purpose must not keep the proxy from leaving either.
for _ in $(seq 300); do
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
kill -0 "$server" 2>/dev/null && { echo "it did not stop"; exit 1; }
echo "$((passed + 1)) passed, 0 failed"
