#!/usr/bin/env bash
# The main job, once through, as one would type it: keep a secret, read it, give it to a program, let another be used without being
# shown, see who used what.
# Everything happens in a home of its own, which is gone afterwards; no vault of yours is touched. KEEP=1 keeps it.
set -eu -o pipefail

home=$(mktemp -d "${TMPDIR:-/tmp}/tacit-quickstart.XXXXXX")
demo=
finish() {
	if [ -n "$demo" ]; then kill "$demo" 2>/dev/null || true; fi
	if [ "${KEEP-}" = 1 ]; then echo "kept: $home"; else rm -rf "$home"; fi
}
trap finish EXIT

# Nothing of the caller's tacit may leak in: only PATH, TERM and a new HOME.
run() {
	printf '\n\033[1m$ %s\033[0m\n' "$1" | { if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }
	env -i PATH="$PATH" TERM="${TERM:-dumb}" HOME="$home" bash -eu -o pipefail -c "$1" </dev/null
}
say() { printf '\n# %s\n' "$1"; }

cd "$home"

say "Keep a secret. The first one makes the vault."
run "printf 's3cr3t-pa55' | tacit set db.password --tag prod"

say "Or let tacit make one up; nobody needs to see it."
run "tacit generate api.token"

say "What is there? Names, never values."
run "tacit list"

say "Read it back."
run "tacit get db.password; echo"

say "Better: give it to a program. It is in that program's environment and nowhere else."
run "tacit run -e PGPASSWORD=db.password -- sh -c 'echo \"the program got \${#PGPASSWORD} characters\"'"

say "A sealed secret can be used and is never shown. To try it: a service on this machine, which gives away whatever it is sent."
env -i PATH="$PATH" HOME="$home" tacit demo upstream --service-file demo.yaml -q &
demo=$!
until [ -s demo.yaml ]; do sleep 0.1; done
run "tacit service add demo.yaml"
run "printf 'demo-key-0123456789' | tacit set DEMO_OPENAI_KEY"

say "It cannot be read..."
run "tacit get DEMO_OPENAI_KEY || echo \"exit \$?\""

say "... but used: tacit sends the request, with the key. What comes back holds no key, even if the service repeats it."
run "tacit invoke demo-openai/models"
run "tacit invoke demo-openai/echo | grep -o '\"Authorization\":\[[^]]*\]'"
if command -v curl >/dev/null; then
	say "Programs that know nothing of tacit get a base URL, and a token in the place of the key."
	run "tacit run --sealed -e KEY=DEMO_OPENAI_KEY -- sh -c 'curl -sS \"\$OPENAI_BASE_URL/models\" -H \"Authorization: Bearer \$OPENAI_API_KEY\"'"
fi

say "Every use is on the record, and the record can be checked."
run "tacit audit"
run "tacit audit verify"

say "The file on the disk says nothing: how many lines of it have the name or the value?"
run "grep -c -a -e s3cr3t-pa55 -e db.password ~/.local/share/tacit/vault.db || true"

printf '\nThat is it. This vault is gone now; yours begins with: tacit set NAME\n'
