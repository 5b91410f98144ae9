#!/usr/bin/env bash
# A page in a person's browser tries to reach the proxy. Usage: run.sh PATH_TO_TIDEGATE [CHROMIUM]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/attack.py" "$1" "${2:-chromium}"
