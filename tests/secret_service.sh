#!/usr/bin/env bash
# Keys in a real Secret Service: a private session bus with an unlocked gnome-keyring, a home of its own.
# Usage: secret_service.sh BINARY. Needs gnome-keyring libsecret-tools dbus. Run `cargo test --no-run` before.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1:-}" != inside ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir -m 700 "$scratch/home" "$scratch/runtime"
  # Cargo and rustup stay where they are; everything else starts anew.
  export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
  export HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/runtime"
  unset DISPLAY WAYLAND_DISPLAY XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME
  binary=$(realpath "$1")
  dbus-run-session -- "$here/secret_service.sh" inside "$binary" "$scratch" 2> >(grep -v '^dbus-daemon' >&2)
  exit
fi

binary=$2 scratch=$3
printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
owner=(dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner)
for _ in $(seq 100); do
  "${owner[@]}" string:org.freedesktop.secrets >/dev/null 2>&1 && break
  sleep 0.1
done

say() { echo "ok $*"; done=$((done + 1)); }
fail() { echo "FAILED: $*"; tail -n 20 "$scratch/said"; exit 1; }
done=0
canary="sk-canary-$RANDOM$RANDOM$RANDOM"
mkdir "$scratch/config"
printf '[[account]]\nid = "work"\nservice = "openai"\nbase_url = "https://api.openai.com/v1"\n' >"$scratch/config/config.toml"
tidegate() { "$binary" --log trace --config-dir "$scratch/config" "$@" >>"$scratch/said" 2>&1; }
kept() { secret-tool search --all --unlock service tidegate 2>&1 | grep -c "$canary" || true; }

printf '%s\n' "$canary" | tidegate key set work || fail "key set"
[ "$(kept)" = 1 ] || fail "another program finds the key in the service"
say "key set puts the key from standard input into the Secret Service"

tidegate check || fail "check"
tidegate key set nobody <<<"$canary" && fail "a key for an unknown account was taken"
grep -qF 'no account of that name, so no key was touched. Name one of: work' "$scratch/said" || fail "an unknown account is named"
say "an account that is not there is refused by name"

tidegate key remove work || fail "key remove"
[ "$(kept)" = 0 ] || fail "the service forgets the key"
tidegate key test work && fail "a key that was removed was tested"
grep -q 'no key is stored for work' "$scratch/said" || fail "a missing key is said"
say "key remove makes the service forget it"

if grep -rq "$canary" "$scratch/said" "$scratch/config"; then fail "the key was written somewhere"; fi
say "the key is in no output, log or file"

cd "$here/.."
TIDEGATE_TEST_SECRET_SERVICE=1 cargo test --locked --test secret_service -- --ignored
echo "$done passed, 0 failed"
