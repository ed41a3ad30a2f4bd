# Sourced by the other scripts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# In CI a clean clone may reuse what an earlier one built; on a laptop `target/` is the place.
if [ -n "${CI:-}" ] && [ -z "${CARGO_TARGET_DIR:-}" ]; then
  export CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/airlock/target"
fi

say() { printf '\n== %s\n' "$*" >&2; }
