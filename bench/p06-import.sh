#!/usr/bin/env bash
# P6: import of 1,000,000 secrets of 300 bytes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P6 Importing"
echo
echo "JSON from a file, values of 300 bytes, all or nothing. Budget for $large: 60,000 a second, flat memory, a file of at most 3.2 × the"
echo "values."
echo

tenth=$((large / 10))
"$tools/gen" "$tenth" >"$scratch/tenth.json"
"$tools/gen" "$large" >"$scratch/all.json"
for v in tenth all; do
	mkdir -p -m 700 "$scratch/$v"
	TACIT_DIR=$scratch/$v "$TACIT" init --key-file "$scratch/$v/identity.txt" >/dev/null 2>&1
done
out=$scratch/p6.json
measure -rounds 1 -warm 0 -o "$out" floor "$tools/floor" -- \
	"import of $tenth" "TACIT_DIR=$scratch/tenth" "$TACIT" import "$scratch/tenth.json" -q -- \
	"import of $large" "TACIT_DIR=$scratch/all" "$TACIT" import "$scratch/all.json" -q

took=$(of "$out" "import of $large")
rate=$(calc "$large / $took * 1000" 0)
verdict "$rate >= 60000" "$rate secrets a second; at least 60,000"
size=$(stat -c %s "$scratch/all/vault.db")
ratio=$(calc "$size / ($large * 300)")
verdict "$ratio <= 3.2" "the file is $ratio × the values ($((size / 1048576)) MiB); at most 3.2"
peak=$(of "$out" "import of $large" peak_mib) before=$(of "$out" "import of $tenth" peak_mib)
echo
echo "Memory: $(calc "$before" 0) MiB for $tenth, $(calc "$peak" 0) MiB for $large."
TACIT_DIR=$scratch/all "$TACIT" get "$(secret "$large")" >/dev/null
