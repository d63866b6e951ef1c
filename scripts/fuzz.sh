#!/usr/bin/env bash
# Runs every fuzz target of the tree for FUZZTIME each. Targets are found, not listed, so a new one cannot be forgotten.
set -eu -o pipefail

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	dir=./$(dirname "$file")
	echo "== $target ($dir)"
	out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-5s}" "$dir" 2>&1) || {
		printf '%s\n' "$out"
		exit 1
	}
	printf '%s\n' "$out" | grep -E '^fuzz: elapsed' | tail -n 1
done < <(git ls-files '*_test.go' | xargs -r grep -oHE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //' | sort)
echo "$found fuzz targets, ${FUZZTIME:-5s} each"
[ "$found" -gt 0 ]
