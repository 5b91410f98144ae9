#!/usr/bin/env bash
# The Codex CLI against Tidegate's demo, with the configuration that Connect gives.
# Usage: codex_client.sh http://127.0.0.1:PORT/v1 PATH_TO_CODEX
set -euo pipefail
url=$1 codex=$2
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir "$home/codex" "$home/work"
cat >"$home/codex/config.toml" <<EOF
model = "gpt-4o"
model_provider = "tidegate"

[model_providers.tidegate]
name = "Tidegate"
base_url = "$url"
env_key = "TIDEGATE_TOKEN"
wire_api = "responses"
EOF

answered() { curl --silent --fail "${url%/v1}/_tidegate/status" | python3 -c \
  'import json, sys; print(sum(e["counters"]["attempts"] for e in json.load(sys.stdin)["endpoints"]))'; }

before=$(answered)
said=$(cd "$home/work" && HOME=$home CODEX_HOME=$home/codex TIDEGATE_TOKEN=local timeout 120 \
  "$codex" exec --skip-git-repo-check --color never "Say hi in a few words" </dev/null 2>"$home/log") ||
  { cat "$home/log"; exit 1; }
[ -n "$said" ] || { echo "it said nothing"; cat "$home/log"; exit 1; }
[ "$(answered)" -gt "$before" ] || { echo "nothing went through Tidegate"; exit 1; }
echo "ok codex was answered: ${said:0:60}…"
echo "1 passed, 0 failed"
