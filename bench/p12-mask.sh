#!/usr/bin/env bash
# P12: what `tacit run` masks a second, with ten secrets in all their forms.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P12 Masking what a program prints"
echo
if [ "${BENCH_QUICK-}" = 1 ]; then mib=32 rounds=1; else mib=1024 rounds=${BENCH_ROUNDS:-7}; fi
echo "\`cat\` prints $mib MiB of log lines into a pipe, alone and through \`tacit run\` with ten secrets: what arrives a second. Budget: 500 MB/s, memory flat."
echo

dir=$(vault "$small")
given=()
for i in $(seq 10); do given+=(-e "V$i=$(secret $((small - 2 * i)))"); done
# Lines as programs print them: words, numbers, URLs, JSON, and a digest in each.
text=$scratch/text
seq 200000 | awk '{ printf "2026-11-22T10:%02d:%02d.%06dZ level=info request=%x path=/v1/items/%d?page=%d {\"status\":%d,\"etag\":\"%08x%08x%08x\"}\n", $1 / 60 % 60, $1 % 60, $1, $1 * 7919, $1, $1 % 9, 200 + $1 % 5, $1 * 104729, $1 * 1299709, $1 * 15485863 }' |
	head -c $((16 << 20)) >"$text" || true # awk is cut off
size=$(stat -c %s "$text")
files=()
for _ in $(seq $((mib * (1 << 20) / size))); do files+=("$text"); done
bytes=$((size * ${#files[@]}))

out=$scratch/p12.json
measure -rounds "$rounds" -warm 1 -o "$out" \
	"cat alone" sh -c 'cat "$@" | cat >/dev/null' sh "${files[@]}" -- \
	"run, 10 secrets" "TACIT_DIR=$dir" sh -c '"$@" | cat >/dev/null' sh "$TACIT" run "${given[@]}" cat "${files[@]}" -- \
	"run, 10 secrets, nothing printed" "TACIT_DIR=$dir" "$TACIT" run "${given[@]}" true
whole=$(of "$out" "run, 10 secrets") start=$(of "$out" "run, 10 secrets, nothing printed") memory=$(of "$out" "run, 10 secrets" peak_mib)

# A core's part: what tacit computes, without cat and without waiting for a processor that others use.
TIMEFORMAT='%U %S'
cpu() { { time "$@" >/dev/null; } 2>&1 | awk '{ print $1 + $2 }'; }
export TACIT_DIR=$dir
core=$(calc "$bytes / 1000000 / ($(cpu "$TACIT" run "${given[@]}" cat "${files[@]}") - $(cpu sh -c 'cat "$@" | cat' sh "${files[@]}") / 2)" 0)
echo
echo "From first to last byte $(calc "$bytes / 1000 / ($whole - $start)" 0) MB/s arrive; a core masks $core MB/s, reading and writing included."
verdict "$core >= 500" "a core masks $core MB/s, in $(calc "$memory" 0) MiB of memory; at least 500"
