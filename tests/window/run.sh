#!/usr/bin/env bash
# Uses the console in a real window on a display of its own. Usage: run.sh BINARY PICTURES_FOLDER [WALK…]
# WALK=matrix.py SCREEN=2560x1440 takes every page in every theme, text size and window instead.
# Needs xvfb xdotool imagemagick dbus at-spi2-core gir1.2-atspi-2.0 python3-gi python3-xlib, and what the window loads:
# libgl1 libgl1-mesa-dri libegl1 libx11-6 libxcursor1 libxi6 libxkbcommon-x11-0.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
display=
trap 'if [ -n "$display" ]; then kill "$display" || true; fi; rm -rf "$scratch"' EXIT

mkfifo "$scratch/number"
Xvfb -displayfd 3 -screen 0 "${SCREEN:-1280x800}x24" +extension GLX -nolisten tcp -noreset 3<>"$scratch/number" 2>"$scratch/xvfb" &
display=$!
read -r -t 60 number <>"$scratch/number" || { cat "$scratch/xvfb"; exit 1; }

# A home and a session of its own: nothing of the person who runs this is read or shown.
mkdir -m 700 "$scratch/home" "$scratch/runtime"
export DISPLAY=":$number" HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/runtime" LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY WAYLAND_SOCKET XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME
# The system's Python: that is the one with the bindings.
dbus-run-session -- /usr/bin/python3 "$here/${WALK:-walk.py}" "$@" 2> >(grep -v '^dbus-daemon' >&2)
