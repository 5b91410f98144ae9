#!/usr/bin/env bash
# Makes the README's picture: the real window under load, at the moment when the second choice is in use.
# Usage: picture.sh BINARY OUT.png      Needs xvfb, xdotool, imagemagick, curl and what the window loads (see run.sh).
set -euo pipefail
binary=$1 out=$2
scratch=$(mktemp -d)
display='' server=''
trap 'kill ${server:-} ${display:-} 2>/dev/null || true; rm -rf "$scratch"' EXIT

mkfifo "$scratch/number"
Xvfb -displayfd 3 -screen 0 1280x980x24 +extension GLX -nolisten tcp -noreset 3<>"$scratch/number" 2>"$scratch/xvfb" &
display=$!
read -r -t 60 number <>"$scratch/number" || { cat "$scratch/xvfb"; exit 1; }
mkdir -m 700 "$scratch/home" "$scratch/runtime"
export DISPLAY=":$number" HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/runtime" LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY WAYLAND_SOCKET XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME

# The usual port if it is free, so that the picture shows what a reader will see.
"$binary" --demo --script rush-hour --config-dir "$scratch/config" 2>"$scratch/log" &
server=$!
for _ in $(seq 300); do
  url=$(grep -rhs -m1 '^http://' "$scratch/config" --include instance || true)
  window=$(xdotool search --onlyvisible --name '^Tidegate' || true)
  [ -n "$url" ] && [ -n "$window" ] && break
  kill -0 "$server" || { cat "$scratch/log"; exit 1; }
  sleep 0.2
done
xdotool windowmove "$window" 0 0 windowsize "$window" 1280 980
xdotool mousemove 1279 979

# The first choice is full, one of the second is throttled, the other one answers and the last resort helps.
second_in_use() {
  curl -sf "${url%/v1}/_tidegate/status" | python3 -c '
import json, sys
state = {each["id"]: each for each in json.load(sys.stdin)["endpoints"]}
east, west, sweden = state["sim-eastus"], state["sim-westus"], state["sim-sweden"]
sys.exit(not (east["counters"]["throttled"] and west["tokens"]["used"] > 30_000 and sweden["counters"]["attempts"] > 2))' 2>/dev/null
}
for _ in $(seq 300); do
  second_in_use && break
  sleep 0.2
done
second_in_use || { echo "the second choice was never in use"; exit 1; }
import -window "$window" "$scratch/window.png"
convert "$scratch/window.png" -strip -dither None -colors 128 -define png:compression-level=9 "PNG8:$out"
echo "$out: $(stat -c %s "$out") bytes"
