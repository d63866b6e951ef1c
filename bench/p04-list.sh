#!/usr/bin/env bash
# P4: `list --names` of 10,000; of 1,000,000 with a pattern that matches ten.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P4 Listing"
echo
echo "Names are encrypted, so a list decrypts the metadata of every secret; never a value. Budget: 30 ms for 10,000; 2 s and flat memory for"
echo "ten of 1,000,000."

# In the vault of N secrets this matches the ten keys that end in 0 to 9 after the prefix.
ten() { printf '**/key-%06d*' $(($1 / 20)); }

for n in $small $medium; do
	dir=$(vault "$n")
	groups=(floor "$tools/floor" -- "tacit list --names" "TACIT_DIR=$dir" "$TACIT" list --names)
	if have pass; then
		pass_store "$n"
		groups+=(-- "pass ls" "PASSWORD_STORE_DIR=$PASSWORD_STORE_DIR" pass ls)
	fi
	if have sops; then
		sops_file "$n"
		groups+=(-- "sops -d" sops -d "$sops_file")
	fi
	echo
	echo "### $n secrets"
	echo
	few=$((rounds > 15 ? 15 : rounds)) # sops takes seconds for 10,000
	out=$scratch/p4-$n.json
	measure -rounds "$few" -o "$out" "${groups[@]}"
done
list=$(of "$out" "tacit list --names")
verdict "$list <= 30" "list --names of $medium in $(calc "$list" 1) ms = $(calc "$list / $(of "$out" floor)" 1) × floor; at most 30 ms"

dir=$(vault "$large")
found=$(TACIT_DIR=$dir "$TACIT" list --names "$(ten "$large")" | wc -l)
[ "$found" = 10 ] || { echo "the pattern matches $found secrets, not ten" >&2; exit 1; }
echo
echo "### ten of $large secrets"
echo
few=$((rounds > 7 ? 7 : rounds))
out=$scratch/p4-large.json
measure -rounds "$few" -warm 1 -o "$out" floor "$tools/floor" -- \
	"of $medium" "TACIT_DIR=$(vault "$medium")" "$TACIT" list --names "$(ten "$medium")" -- \
	"of $large" "TACIT_DIR=$dir" "$TACIT" list --names "$(ten "$large")"
list=$(of "$out" "of $large")
peak=$(of "$out" "of $large" peak_mib) before=$(of "$out" "of $medium" peak_mib)
verdict "$list <= 2000" "$(calc "$list" 0) ms; at most 2,000 ms"
echo
echo "Memory: $(calc "$before" 0) MiB for $medium, $(calc "$peak" 0) MiB for $large."
