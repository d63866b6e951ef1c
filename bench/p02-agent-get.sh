#!/usr/bin/env bash
# P2: `tacit get` through an unlocked agent.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P2 Reading one secret through an unlocked agent"
echo
echo "Whole processes. Budget: 2 × floor. \`tacit version\` is what starting the program costs before it does anything."
echo

dir=$(vault "$medium")
agent "$dir"
out=$scratch/p2.json
measure -rounds "$rounds" -o "$out" floor "$tools/floor" -- "tacit version" "$TACIT" version -- \
	"tacit get, agent" "TACIT_DIR=$dir" TACIT_NO_AGENT=0 "$TACIT" get "$(secret "$medium")"
floor=$(of "$out" floor) get=$(of "$out" "tacit get, agent")
verdict "$get <= 2 * $floor" "get through the agent takes $(calc "$get") ms = $(calc "$get / $floor") × floor, starting the program $(calc "$(of "$out" "tacit version") / $floor") × floor; at most 2"
