#!/usr/bin/env bash
# The binary loads nothing that a bare server lacks. Usage: bare_server.sh BINARY
set -euo pipefail
binary=$1
linked=$(ldd "$binary" | awk '{ print $1 }' | xargs -n 1 basename)
echo "links:" $linked
if grep -E '^lib(X|x|GL|EGL|gl|wayland|dbus|ssl|crypto|gtk|gdk|glib|gobject|fontconfig|freetype)' <<<"$linked"; then
  echo "FAILED: a server does not have the libraries above"
  exit 1
fi
extra=$(grep -vE '^(linux-vdso|ld-linux.*|libc|libm|libgcc_s|libpthread|libdl|librt)\.so' <<<"$linked" || true)
[ -z "$extra" ] || { echo "FAILED: it links $extra"; exit 1; }
# What the dynamic loader is asked for at run time, headless.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
env -u DISPLAY -u WAYLAND_DISPLAY LD_DEBUG=libs LD_DEBUG_OUTPUT="$scratch/loaded" \
  "$binary" --demo --headless --port 0 --config-dir "$scratch/config" >"$scratch/out" 2>"$scratch/log" &
server=$!
for _ in $(seq 100); do
  grep -q '^listening on ' "$scratch/out" && break
  kill -0 "$server" || { cat "$scratch/log"; exit 1; }
  sleep 0.1
done
kill -TERM "$server"
wait "$server"
if grep -hE 'find library=lib(X|x|GL|EGL|wayland|dbus|gtk)' "$scratch"/loaded*; then
  echo "FAILED: headless, it looks for the libraries above"
  exit 1
fi
echo "ok it needs libc, libm and libgcc only, and headless it looks for nothing else"
echo "1 passed, 0 failed"
