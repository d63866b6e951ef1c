#!/usr/bin/env bash
# P13: one decision among 1,000 rules.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P13 A policy decision"
echo
echo "One decision with 1,000 grants of several shapes, as Cedar. Budget: 20 µs."
echo
time=$([ "${BENCH_QUICK-}" = 1 ] && echo 1x || echo 1s)
out=$scratch/p13.txt
(cd "$root" && go test ./internal/policy -run '^$' -bench BenchmarkDecide -benchtime "$time" -count 1) >"$out"
echo "| grants | one decision |"
echo "|---|---|"
awk '/^BenchmarkDecide/ { name = $1; sub(/^BenchmarkDecide\//, "", name); sub(/-[0-9]+$/, "", name); printf "| %s | %.1f µs |\n", name, $3 / 1000 }' "$out"
