#!/usr/bin/env bash
# P14: what `tacit run` adds to a program's start with 50 secrets from an unlocked vault.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P14 Starting a program with 50 secrets"
echo
echo "Whole processes: a shell that looks at one variable and ends, alone and through \`tacit run\` with 50 secrets of an agent that is unlocked. Budget: 10 ms more."
echo

dir=$(vault "$medium")
agent "$dir"
given=()
for i in $(seq 50); do given+=(-e "V$i=$(secret $((medium - 2 * i)))"); done
# shellcheck disable=SC2016 # the shell of the program expands it
program=(sh -c 'test "${V50-x}"')
out=$scratch/p14.json
measure -rounds "$rounds" -o "$out" \
	"the program alone" "${program[@]}" -- \
	"tacit version" "$TACIT" version -- \
	"run, 50 secrets, masked" "TACIT_DIR=$dir" TACIT_NO_AGENT=0 "$TACIT" run "${given[@]}" "${program[@]}" -- \
	"run, 50 secrets, --no-mask" "TACIT_DIR=$dir" TACIT_NO_AGENT=0 "$TACIT" run --no-mask "${given[@]}" "${program[@]}" -- \
	"run, 1 secret, masked" "TACIT_DIR=$dir" TACIT_NO_AGENT=0 "$TACIT" run "${given[@]:0:2}" "${program[@]}"
alone=$(of "$out" "the program alone") masked=$(of "$out" "run, 50 secrets, masked") plain=$(of "$out" "run, 50 secrets, --no-mask")
verdict "$masked - $alone <= 10" "50 secrets add $(calc "$masked - $alone") ms to a program's start, $(calc "$plain - $alone") ms with --no-mask; at most 10"
