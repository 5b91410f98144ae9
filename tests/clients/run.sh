#!/usr/bin/env bash
# Runs the real clients against the demo. Usage: run.sh PATH_TO_TIDEGATE PYTHON NODE_MODULES
# PYTHON has `openai[realtime]` and `langchain-openai` installed; NODE_MODULES is a folder that holds `openai`, `ws`, `ai`, `@ai-sdk/openai`,
# `@ai-sdk/openai-compatible` and `@openai/codex`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$1 python=$2 modules=$3
scratch=$(mktemp -d)
"$binary" --demo --headless --port 0 --config-dir "$scratch/config" >"$scratch/out" 2>"$scratch/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$scratch/out")
  [ -n "$url" ] && break
  kill -0 "$server" || { cat "$scratch/log"; exit 1; }
  sleep 0.1
done
for script in python_client python_families langchain_client; do
  "$python" -B -W ignore::DeprecationWarning "$here/$script.py" "$url"
done
mkdir -p "$scratch/node" && cp "$here"/*.mjs "$scratch/node/" && ln -s "$modules" "$scratch/node/node_modules"
(cd "$scratch/node" && node node_client.mjs "$url" "$here/../tls" && node node_families.mjs "$url" && node ai_sdk_client.mjs "$url")
"$here/codex_client.sh" "$url" "$modules/.bin/codex"

kill -TERM "$server"
wait "$server"
echo "the proxy drained and left with exit code 0"
