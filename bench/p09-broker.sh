#!/usr/bin/env bash
# P9 to P12 and P15: the broker in base-URL mode beside a direct call, nginx and httputil.ReverseProxy, in one run.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ "${BENCH_QUICK-}" = 1 ]; then
	load=(-connections "1,16" -rounds 1 -for 200ms) moments=20 bytes=$((16 << 20))
else
	load=(-connections "1,16,32,64" -rounds "${BENCH_ROUNDS:-7}" -for 2s) moments=1001 bytes=$((1 << 30))
fi
key=bench-$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
proxies=$tools/proxies children=()
end() {
	for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
	cleanup
}
trap end EXIT

# serve FILE COMMAND… starts a server that says its addresses, as JSON, in FILE.
serve() {
	local said=$1
	shift
	"$@" >"$said" &
	children+=($!)
	for _ in $(seq 100); do
		[ ! -s "$said" ] || return 0
		sleep 0.05
	done
	echo "${*:1:2} does not start" >&2
	return 1
}

certificate=$scratch/upstream.pem
serve "$scratch/upstream.json" "$proxies" upstream -certificate "$certificate"
plain=$(jq -r .plain "$scratch/upstream.json") tls=$(jq -r .tls "$scratch/upstream.json")
serve "$scratch/reverse.json" "$proxies" reverse "$plain" "X-Bench-Key: $key"
reverse=$(jq -r .plain "$scratch/reverse.json") reversing=${children[-1]}

# Two services: one as plain as what nginx and ReverseProxy proxy, one over TLS.
dir=$scratch/vault
mkdir -p -m 700 "$dir"
export TACIT_DIR=$dir TACIT_NO_AGENT=0
"$TACIT" init --key-file "$dir/identity.txt" >/dev/null 2>&1
service() { # service NAME HOST NETWORK
	cat <<-END
		service: $1
		title: Benchmark
		hosts: ["$2"]
		secrets: {$(echo "$1" | tr 'a-z-' 'A-Z_')_KEY: secret}
		auth:
		  header: {name: x-bench-key, value: "{{secret}}"}
		env: {base_url: $(echo "$1" | tr 'a-z-' 'A-Z_')_URL, key: $(echo "$1" | tr 'a-z-' 'A-Z_')_KEY}
		capabilities:
		  - {id: $1/all, title: All of it, methods: [GET, POST], paths: [/v1], risk: write, example: {method: GET, path: /v1/kilobyte}}
		network:
		  allow_private: true
		$3
	END
}
service bench-plain "$plain" "  plain_http: true" >"$scratch/plain.yaml"
{
	service bench-tls "$tls" "  ca_pem: |"
	sed 's/^/    /' "$certificate"
} >"$scratch/tls.yaml"
for name in plain tls; do
	"$TACIT" service add "$scratch/$name.yaml" -q >/dev/null
	printf %s "$key" | "$TACIT" set "BENCH_${name^^}_KEY" --service "bench-$name" --sealed -q >/dev/null
done
agent "$dir"
pid=$("$TACIT" agent status --json | jq .pid)
eval "$("$TACIT" proxy env bench-plain bench-tls)"
token="#X-Bench-Key: $BENCH_PLAIN_KEY"

targets=("direct=http://$plain" "tacit=$BENCH_PLAIN_URL$token" "ReverseProxy=http://$reverse")
PATH=$PATH:/usr/sbin # where Debian has nginx
if have nginx; then
	# nginx has no way to say on which port it listens: one that was free a moment ago.
	port=$("$proxies" port)
	cat >"$scratch/nginx.conf" <<-END
		daemon off; pid $scratch/nginx.pid; error_log stderr crit; worker_processes auto;
		events { worker_connections 1024; }
		http {
		  access_log off; keepalive_requests 1000000000; tcp_nodelay on;
		  client_body_temp_path $scratch/nginx; proxy_temp_path $scratch/nginx; fastcgi_temp_path $scratch/nginx; uwsgi_temp_path $scratch/nginx; scgi_temp_path $scratch/nginx;
		  upstream bench { server $plain; keepalive 128; keepalive_requests 1000000000; }
		  server {
		    listen 127.0.0.1:$port;
		    location / { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Bench-Key $key; }
		    location /v1/events { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Bench-Key $key; proxy_buffering off; }
		  }
		}
	END
	nginx -c "$scratch/nginx.conf" &
	children+=($!)
	for _ in $(seq 100); do
		if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
		sleep 0.05
	done
	targets+=("nginx=http://127.0.0.1:$port")
fi

echo "## P9, P10, P11, P12, P15 The broker in base-URL mode"
echo
echo "An answer of 1 KiB over plain HTTP, with a header added, connections kept on both sides: client, upstream and what lies between on"
echo "this one machine, one after the other in each round. tacit is an agent with policy, audit and redaction on. Requests a second are"
echo "the median of the rounds, times those of all requests."

out=$scratch/load.json
"$proxies" load "${load[@]}" "${targets[@]}" >"$out" &
wait_for=$!
peak=0
while kill -0 $wait_for 2>/dev/null; do
	now=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	[ "$now" -le "$peak" ] || peak=$now
	sleep 0.2
done
wait $wait_for
peak=$(calc "$peak / 1024" 1)
got() { jq -r --arg n "$1" --arg t "$2" --arg f "$3" '.[$n][$t][$f] // 0' "$out"; }
echo
echo "| connections | what | requests a second | p50 | p99 |"
echo "|---|---|---|---|---|"
jq -r 'to_entries[] | .key as $n | .value | to_entries[] | "| \($n) | \(.key) | \(.value.per_second | round) | \(.value.p50_us | round) µs | \(.value.p99_us | round) µs |"' "$out"

many=$([ "${BENCH_QUICK-}" = 1 ] && echo 16 || echo 32)
rate=$(got "$many" tacit per_second) nginx=$(got "$many" nginx per_second) library=$(got "$many" ReverseProxy per_second)
verdict "$rate >= 20000 && $rate >= 0.4 * $nginx" "P9: $(calc "$rate" 0) requests a second with $many connections, $(
	if [ "$nginx" = 0 ]; then echo "(not installed)"; else calc "$rate / $nginx"; fi
) × nginx, $(calc "$rate / $library") × ReverseProxy; at least 20,000 and 0.4 × nginx"
added=$(calc "$(got 1 tacit p50_us) - $(got 1 direct p50_us)" 0)
verdict "$added <= 60" "P10: $added µs added at one connection (ReverseProxy $(calc "$(got 1 ReverseProxy p50_us) - $(got 1 direct p50_us)" 0) µs); at most 60"

"$proxies" first -rounds "$moments" "${targets[@]}" >"$scratch/first.json"
event() { jq -r --arg t "$1" '.[$t].p50_us' "$scratch/first.json"; }
verdict "$(event tacit) <= $(event ReverseProxy)" "P10: the first event of a stream comes after $(calc "$(event tacit)" 0) µs, from the upstream itself after $(
	calc "$(event direct)" 0
), through ReverseProxy after $(calc "$(event ReverseProxy)" 0); at most ReverseProxy's"

"$proxies" short -rounds "$moments" -certificate "$certificate" "direct=https://$tls" "tacit=$BENCH_TLS_URL#X-Bench-Key: $BENCH_TLS_KEY" >"$scratch/short.json"
once() { jq -r --arg t "$1" '.[$t].p50_us' "$scratch/short.json"; }
verdict "$(once tacit) <= 0.3 * $(once direct)" "P11: a client with one request, to a TLS upstream: $(calc "$(once tacit)" 0) µs, directly $(
	calc "$(once direct)" 0
) µs: $(calc "$(once tacit) / $(once direct)") ×; at most 0.3 ×"

# P12. What a core carries is judged by all that the agent computes meanwhile, reading, HTTP and writing included, and not only by what it
# spends on looking for the secret: the budget holds all the more if only that is meant. The service has one secret, as services have;
# p12-mask.sh has ten. ReverseProxy looks for nothing, and the system copies for it.
rest=$(awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$pid/status")
spent() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$1/stat"; } # seconds of a processor
for way in up down; do
	for to in "direct=$pid=http://$plain" "tacit=$pid=$BENCH_PLAIN_URL$token" "ReverseProxy=$reversing=http://$reverse"; do
		IFS='=' read -r name of url <<<"$to"
		before=$(spent "$of")
		"$proxies" transfer -bytes "$bytes" -pid "$of" -way "$way" "$name=$url" >"$scratch/transfer-$name-$way.json"
		calc "$bytes / 1000000 / ($(spent "$of") - $before + 0.001)" 0 >"$scratch/core-$name-$way"
	done
done
of_transfer() { jq -r ".$2.$3" "$scratch/transfer-$1-$2.json"; }
core() { cat "$scratch/core-$1-$2"; }
flat=$(calc "($(of_transfer tacit up peak_mib) > $(of_transfer tacit down peak_mib) ? $(of_transfer tacit up peak_mib) : $(of_transfer tacit down peak_mib))" 1)
verdict "$flat <= $peak + 8" "P12: $((bytes >> 20)) MiB up at $(calc "$(of_transfer tacit up mb_per_second)" 0) MB/s (directly $(
	calc "$(of_transfer direct up mb_per_second)" 0
)) and down at $(calc "$(of_transfer tacit down mb_per_second)" 0) (directly $(calc "$(of_transfer direct down mb_per_second)" 0)); memory $(
	calc "$rest" 1
) MiB before, at most $flat meanwhile; it shall be flat"
verdict "$(core tacit up) >= 500 && $(core tacit down) >= 500" "P12: a core of the agent carries $(core tacit up) MB/s up and $(core tacit down) MB/s down, redaction, reading and writing included (ReverseProxy, which looks for nothing: $(
	core ReverseProxy up
) and $(core ReverseProxy down)); at least 500"
verdict "$peak <= 40" "P15: at most $peak MiB resident under the load of P9; at most 40"
