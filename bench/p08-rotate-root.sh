#!/usr/bin/env bash
# P8: `rotate-root` of 1,000,000 secrets, and again with a kill in the middle.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P8 A new root key for $large secrets"
echo
echo "Every wrapped key, name and index entry is written anew, and at the end the file. Budget: 60 s, resumable."
echo

dir=$(copy "$(vault "$large")")
before=$(TACIT_DIR=$dir "$TACIT" get "$(secret "$large")")
out=$scratch/p8.json
measure -rounds 1 -warm 0 -o "$out" floor "$tools/floor" -- "rotate-root" "TACIT_DIR=$dir" "$TACIT" rotate-root -q
took=$(of "$out" rotate-root)
verdict "$took <= 60000" "$(calc "$took / 1000" 1) s for $large, $(calc "$large / $took * 1000" 0) a second; at most 60 s"
[ "$(TACIT_DIR=$dir "$TACIT" get "$(secret "$large")")" = "$before" ] || { echo "the value changed" >&2; exit 1; }
rm -rf "$dir"

dir=$(copy "$(vault "$large")")
TACIT_DIR=$dir "$TACIT" rotate-root -q >/dev/null 2>&1 &
pid=$!
sleep "$(calc "$took / 2000" 3)"
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
[ "$(TACIT_DIR=$dir "$TACIT" get "$(secret "$large")")" = "$before" ] || { echo "not readable after the kill" >&2; exit 1; }
began=$(date +%s%N)
TACIT_DIR=$dir "$TACIT" rotate-root --resume -q >/dev/null
resumed=$(calc "($(date +%s%N) - $began) / 1e9" 1)
[ "$(TACIT_DIR=$dir "$TACIT" get "$(secret "$large")")" = "$before" ] || { echo "not readable after --resume" >&2; exit 1; }
echo
echo "Killed half-way through, the vault was readable at once, and \`--resume\` took another $resumed s."
