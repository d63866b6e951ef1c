#!/usr/bin/env bash
# P16: the binary's size, and what its packages do before main.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P16 Size and start"
echo
size=$(stat -c %s "$TACIT")
runs=$((rounds > 51 ? 51 : rounds))
for _ in $(seq "$runs"); do
	# "init pkg @1.2 ms, 0.03 ms clock, 1024 bytes, 5 allocs"
	GODEBUG=inittrace=1 "$TACIT" version 2>&1 >/dev/null | awk '/^init / { sum += $5; n++ } END { printf "%.3f %d\n", sum, n }'
done | sort -n >"$scratch/inits"
median=$(awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }' "$scratch/inits")
low=$(head -n 1 "$scratch/inits") high=$(tail -n 1 "$scratch/inits")
echo "| what | median | from–to |"
echo "|---|---|---|"
echo "| binary | $(calc "$size / 1e6" 1) MB | – |"
echo "| package initialisation, ${low#* } packages | $median ms | ${low% *}–${high% *} ms ($runs runs) |"
echo
out=$scratch/p16.json
measure -rounds "$rounds" -o "$out" floor "$tools/floor" -- "tacit version" "$TACIT" version
verdict "$size <= 20000000" "the binary is $(calc "$size / 1e6" 1) MB; at most 20 MB"
verdict "$median <= 2.5" "package initialisation takes $median ms; at most 2.5 ms"
