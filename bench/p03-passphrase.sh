#!/usr/bin/env bash
# P3: `tacit get` with a passphrase slot and no agent: one scrypt, plus P1.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P3 Reading one secret with a passphrase"
echo
echo "The work of a passphrase slot is one scrypt with N = 2^18: that is what it is for. Budget: one scrypt plus P1, that is"
echo "2.2 × floor + fsync. \`scrypt\` is a Go program that does one and nothing else, so floor is in it once already."
echo

dir=$BENCH_DIR/vault-passphrase
export TACIT_PASSPHRASE='correct horse battery staple'
if [ ! -e "$dir/done" ]; then
	rm -rf "$dir"
	mkdir -p -m 700 "$dir"
	TACIT_DIR=$dir "$TACIT" init --passphrase >/dev/null 2>&1
	"$tools/gen" "$small" | TACIT_DIR=$dir "$TACIT" import - --format json -q >/dev/null
	touch "$dir/done"
fi

few=$((rounds > 15 ? 15 : rounds))
out=$scratch/p3.json
measure -rounds "$few" -warm 1 -o "$out" \
	floor "$tools/floor" -- fsync @fsync "$dir" -- scrypt "$tools/scrypt" -- \
	"tacit get, passphrase" "TACIT_DIR=$dir" "$TACIT" get "$(secret "$small")"
floor=$(of "$out" floor) fsync=$(of "$out" fsync) scrypt=$(of "$out" scrypt) get=$(of "$out" "tacit get, passphrase")
limit=$(calc "$scrypt - $floor + 2.2 * $floor + $fsync" 3)
# A scrypt takes most of a second and varies by more than all of P1: the spread of the floor itself is the resolution.
spread=$(calc "$(of "$out" scrypt p90_ms) - $(of "$out" scrypt p10_ms)" 1)
verdict "$get <= $limit + $spread" "get $(calc "$get" 0) ms; scrypt plus P1 is $(calc "$limit" 0) ms, and scrypt alone varies by $spread ms"
