#!/usr/bin/env bash
# Runs every fuzz target of the tree for FUZZTIME each. Targets are found, not listed, so a new one cannot be forgotten.
set -eu -o pipefail

fuzz() { out=$(go test -run '^$' -fuzz "^$1\$" -fuzztime "${FUZZTIME:-5s}" "$2" 2>&1); }

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	dir=./$(dirname "$file")
	echo "== $target ($dir)"
	fuzz "$target" "$dir" || {
		# On a busy machine a worker may be asked to stop in the middle of an input, which go test then calls a failure: "context deadline
		# exceeded", without an input that fails. Once is no finding.
		if [[ $out == *"context deadline exceeded"* && $out != *"Failing input written"* ]]; then
			echo "stopped in the middle of an input; once more"
			fuzz "$target" "$dir"
		else
			false
		fi
	} || {
		printf '%s\n' "$out"
		exit 1
	}
	printf '%s\n' "$out" | grep -E '^fuzz: elapsed' | tail -n 1
done < <(git ls-files '*_test.go' | xargs -r grep -oHE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //' | sort)
echo "$found fuzz targets, ${FUZZTIME:-5s} each"
[ "$found" -gt 0 ]
