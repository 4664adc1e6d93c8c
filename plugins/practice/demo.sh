#!/usr/bin/env bash
# `make demo`: the whole street on practice data, then one more day at the register.
# Everything it does is a meltano command that you can type yourself; each is shown before it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
meltano="$PWD/.venv/bin/meltano"
began=$SECONDS

step() { printf '\n\033[1m── %s\033[0m\n' "$1"; }

show() { printf '\033[2m$ meltano %s\033[0m\n' "$*"; }

# Runs a command and shows its answer; Meltano's own log only if it fails.
invoke() {
  show invoke "$@"
  local log
  log=$(mktemp)
  "$meltano" invoke "$@" 2>"$log" || { cat "$log" >&2; rm -f "$log"; return 1; }
  rm -f "$log"
}

# Runs the job and shows its log as it comes, without the lines of bookkeeping.
run_daily() {
  local from=$SECONDS
  show run daily
  "$meltano" run daily 2>&1 | awk '
    /METRIC|Incremental state has been updated|Skipping parse|state backend|logging configuration/ { next }
    { sub(/^[^ ]+ \[(info|warning|error) *\] /, "  "); print; fflush() }'
  printf '   took %d s\n' $((SECONDS - from))
}

step "1 of 6  Install (only what is missing)"
make --no-print-directory install

step "2 of 6  Start the embedded PostgreSQL and the practice register"
invoke database start
invoke practice start

step "3 of 6  From the register to the relationship"
run_daily

step "4 of 6  What came in, and what the gate withheld"
invoke shopcrm status

step "5 of 6  A day passes at the register; only the new day moves"
invoke practice advance 1d
run_daily

step "6 of 6  What the new day brought"
invoke shopcrm status

printf '\n\033[1mDone in %d s.\033[0m What to type next, after `source .venv/bin/activate`:\n' $((SECONDS - began))
cat <<'NEXT'
  meltano invoke practice advance 7d    let a week pass at the register
  meltano run daily                     bring it in
  meltano invoke shopcrm status         see the shop
  meltano invoke database psql          look into the database
  make stop                             stop the database and the register
  less README.md                        connect a real register
NEXT
