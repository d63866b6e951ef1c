#!/usr/bin/env bash
# P15: resident memory of an idle agent with 10,000 secrets.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P15 Memory of an idle agent"
echo
echo "Resident memory of an unlocked agent with $medium secrets, after it was asked for some and listed all. Budget: 25 MiB."

dir=$(vault "$medium")
agent "$dir"
for i in 1 2 3 4 5; do TACIT_DIR=$dir TACIT_NO_AGENT=0 "$TACIT" get "$(secret $((medium - i)))" >/dev/null; done
TACIT_DIR=$dir TACIT_NO_AGENT=0 "$TACIT" list --names >/dev/null
sleep "$([ "${BENCH_QUICK-}" = 1 ] && echo 0 || echo 5)"
pid=$(TACIT_DIR=$dir TACIT_NO_AGENT=0 "$TACIT" agent status --json | jq .pid)
rss=$(awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$pid/status")
verdict "$rss <= 25" "$(calc "$rss" 1) MiB; at most 25"
