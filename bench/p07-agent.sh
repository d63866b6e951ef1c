#!/usr/bin/env bash
# P7: the agent over its socket, sixteen callers: reads, each audited; durable writes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo "## P7 The agent with sixteen callers"
echo
echo "Sixteen connections to the agent's socket from one process on the same machine, $medium secrets. A read's audit record is written"
echo "before its answer; a write is on the disk, as is its record: those that wait together share three syncs, one after the other."
echo "One caller alone shares with nobody. Budget: 30,000 reads and 20,000 durable writes a second."

dir=$(copy "$(vault "$medium")")
agent "$dir"
seconds=$([ "${BENCH_QUICK-}" = 1 ] && echo 0.5 || echo 10)
names=()
for i in $(seq 0 99); do names+=("$(secret $((2 * (medium / 4 + i))))"); done

out=$scratch/p7.json
echo
measure -rounds "$rounds" -o "$out" floor "$tools/floor" -- fsync @fsync "$dir"
fsync=$(of "$out" fsync)

reads=$("$tools/callers" "$dir/agent.sock" read 16 "$seconds" "${names[@]}" | jq .per_second)
verdict "$reads >= 30000" "$(calc "$reads" 0) reads a second; at least 30,000"
alone=$("$tools/callers" "$dir/agent.sock" write 1 "$seconds" "${names[@]}" | jq .per_second)
writes=$("$tools/callers" "$dir/agent.sock" write 16 "$seconds" "${names[@]}" | jq .per_second)
verdict "$writes >= 20000" "$(calc "$writes" 0) durable writes a second, $(calc "$alone" 0) by one caller; at least 20,000 (three syncs of this disk allow $(calc "16000 / (3 * $fsync)" 0))"
