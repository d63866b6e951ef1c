#!/usr/bin/env bash
# P1: `tacit get`, whole process, key-file slot, no agent, its audit record durable.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P1 Reading one secret"
echo
echo "Whole processes, $rounds rounds. The floor is a Go program that prints one line; fsync is one append of 400 bytes, synced, on the"
echo "same disk. Budget: 2.2 × floor + fsync, whatever the number of secrets, and under half of gopass with its agent."

# What gopass took where it could be had, as a ratio to the floor of that machine (9.5 ms / 1.8 ms).
gopass_ratio=5.3

for n in $small $medium $large; do
	dir=$(vault "$n")
	groups=(floor "$tools/floor" -- fsync @fsync "$dir" -- "tacit get" "TACIT_DIR=$dir" "$TACIT" get "$(secret "$n")")
	if [ "$n" != "$large" ]; then
		if have age; then
			age_blob "$n"
			groups+=(-- "age -d, one blob" age -d -i "$age_key" "$age_blob")
		fi
		if have pass; then
			pass_store "$n"
			pass show one >/dev/null # the agent is warm
			groups+=(-- "pass show, gpg-agent warm" "PASSWORD_STORE_DIR=$PASSWORD_STORE_DIR" pass show "$(secret "$n")")
		fi
		if have sops; then
			sops_file "$n"
			groups+=(-- "sops -d --extract" sops -d --extract "[\"$(secret "$n")\"]" "$sops_file")
		fi
	fi
	echo
	echo "### $n secrets"
	echo
	out=$scratch/p1-$n.json
	measure -rounds "$rounds" -o "$out" "${groups[@]}"
	floor=$(of "$out" floor) fsync=$(of "$out" fsync) get=$(of "$out" "tacit get")
	limit=$(calc "2.2 * $floor + $fsync" 3)
	ratio=$(calc "($get - $fsync) / $floor")
	verdict "$get <= $limit" "get $(calc "$get") ms = $ratio × floor + fsync; at most $(calc "$limit") ms"
	verdict "$get < $gopass_ratio * $floor / 2" "get is $(calc "$get / $floor") × floor; half of gopass is $(calc "$gopass_ratio / 2")"
done
echo
if have gopass; then
	echo "gopass is installed here, but takes part by its measured ratio: its agent needs a terminal."
else
	echo "gopass cannot be had from the module proxy here; its ratio of $gopass_ratio × floor was measured elsewhere (agent unlocked, 100 and 10,000 secrets)."
fi
