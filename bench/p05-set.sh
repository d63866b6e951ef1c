#!/usr/bin/env bash
# P5: `tacit set`, whole process: P1 + 2 ms.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P5 Writing one secret"
echo
echo "A change is an intent in the log, a commit, and an outcome in the log, each durable when the next begins. Budget: what P1 allows,"
echo "2.2 × floor + fsync, plus 2 ms."

head -c 225 /dev/urandom | base64 -w 0 >"$scratch/value"
for n in $small $medium $large; do
	dir=$(copy "$(vault "$n")")
	groups=(floor "$tools/floor" -- fsync @fsync "$dir" -- "tacit get" "TACIT_DIR=$dir" "$TACIT" get "$(secret "$n")" --
		"tacit set, new version" "TACIT_DIR=$dir" "<$scratch/value" "$TACIT" set "$(secret "$n")" --
		"tacit set, new secret" "TACIT_DIR=$dir" "<$scratch/value" "$TACIT" set "new/number-{n}")
	if have pass && [ "$n" = "$small" ]; then
		pass_store "$n"
		groups+=(-- "pass insert" "PASSWORD_STORE_DIR=$PASSWORD_STORE_DIR" "<$scratch/value" pass insert -e -f "new/number-{n}")
	fi
	echo
	echo "### $n secrets"
	echo
	out=$scratch/p5-$n.json
	measure -rounds "$rounds" -o "$out" "${groups[@]}"
	floor=$(of "$out" floor) fsync=$(of "$out" fsync)
	limit=$(calc "2.2 * $floor + $fsync + 2" 3)
	for what in "new version" "new secret"; do
		set_=$(of "$out" "tacit set, $what")
		verdict "$set_ <= $limit" "$what: $(calc "$set_") ms = $(calc "$set_ / $floor") × floor; at most $(calc "$limit") ms"
	done
	rm -rf "$dir"
done
