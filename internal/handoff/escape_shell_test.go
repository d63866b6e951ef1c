//go:build unix

package handoff

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

// shells are those that scripts are tried with; a missing one fails the test, since scripts/test-deps.sh installs it.
var shells = []string{"dash", "bash", "zsh"}

// script prints the value from every place where one can stand, each with RS behind it.
const script = `#!/bin/sh
p() { printf '%s\036' "$1"; }
p ${env.X}
p a${env.X}b"c"
p '${env.X}'
p 'a${env.X}b'
p "${env.X}"
p "a ${env.X} $((1+1)) \${HOME:+h}"
p "$(printf '%s.' ${env.X})" # it's a comment: ${env.X}
p "$(printf '%s.' "a${env.X}")"
v=${env.X} w="${env.X}"
p "$v"; p "$w"
(p ${env.X}${env.X}) | cat
if test "${env.X}" = "$v"; then p yes; fi
case ${env.X} in ${env.X}) p case ;; esac
p "` + "`echo back`" + `"
for i in ${env.X}; do p "$i"; done
`

func wantOfScript(v string) string {
	var out strings.Builder
	for _, s := range []string{v, "a" + v + "bc", v, "a" + v + "b", v, "a " + v + " 2 h", v + ".", "a" + v + ".", v, v, v + v, "yes", "case", "back", v} {
		out.WriteString(s + "\x1e")
	}
	return out.String()
}

// runScript runs a script in an empty directory, and fails if it leaves or says anything else.
func runScript(t interface {
	Helper()
	Fatalf(string, ...any)
}, dir, shell, text string,
) string {
	t.Helper()
	file := filepath.Join(dir, "script")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	cmd := exec.Command(shell, file)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nowhere", "LC_ALL=C"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v: %s\n%q", shell, err, stderr.String(), clip(text))
	}
	return string(out)
}

// TestI21ShellsReadTheValue: in dash, bash and zsh, a value is what it is wherever a script has it.
func TestI21ShellsReadTheValue(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			check := func(t interface {
				Helper()
				Fatalf(string, ...any)
			}, v string,
			) {
				t.Helper()
				text, err := fill(Shell, false, script, []byte(v))
				if err != nil {
					t.Fatalf("%q: %v", clip(v), err)
				}
				if got := runScript(t, dir, shell, text); got != wantOfScript(v) {
					t.Fatalf("%s: %q printed %q", shell, clip(v), clip(got))
				}
			}
			for _, v := range append([]string{"\xff\xfe'"}, hostile...) {
				check(t, v)
			}
			rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
		})
	}
}

// TestI21HereDocuments: a value is what it is in a here-document, or refused with its line.
func TestI21HereDocuments(t *testing.T) {
	t.Parallel()
	const text = "#!/bin/sh\ncat <<EOF; cat <<'E2' <<-\"E3\"\na${env.X}b $HOME \\$ \\${HOME}\nEOF\n$(${env.X}`\nE2\n\tp ${env.X}\n\tE3\ncat <<-E4\n\t\t${env.X}\n\tE4\n"
	for _, shell := range []string{"dash", "bash"} { // zsh reads several documents of one command as one
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			check := func(t interface {
				Helper()
				Fatalf(string, ...any)
			}, v string,
			) {
				t.Helper()
				out, err := fill(Shell, false, text, []byte(v))
				if err != nil {
					end := false
					for line := range strings.SplitSeq(v, "\n") {
						line = strings.TrimSuffix(line, "\r")
						line, tabs := strings.CutPrefix(line, "\t")
						line = strings.TrimLeft(line, "\t")
						end = end || tabs || line == "EOF" || line == "E3" || line == "E4"
					}
					if !errors.Is(err, fault.Invalid) || !end {
						t.Fatalf("%q: %v", v, err)
					}
					return
				}
				want := "a" + v + "b /nowhere $ /nowhere\np " + v + "\n" + v + "\n"
				if got := runScript(t, dir, shell, out); got != want {
					t.Fatalf("%s: %q printed %q\n%s", shell, v, got, out)
				}
			}
			for _, v := range append([]string{"a\nE4\nid", "\tE4", "E4"}, hostile...) {
				check(t, v)
			}
			rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
		})
	}
	for _, v := range []string{"\nEOF\nid", "EOF", "\nEOF"} {
		for _, file := range []string{"cat <<EOF\n${env.X}\nEOF\n", "cat <<'EOF'\n${env.X}\nEOF\n", "cat <<-EOF\n\t${env.X}\nEOF\n"} {
			if out, err := fill(Shell, false, file, []byte(v)); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "ends the here-document") {
				t.Errorf("%q: %q, %v", file, out, err)
			}
		}
	}
}

// TestI21WhatQuotesDoNotProtect: where a shell would read a quoted value as code, or where the scanner cannot know what a shell does, there is no
// value.
func TestI21WhatQuotesDoNotProtect(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"echo `echo ${env.X}`", "echo $((1 + ${env.X}))", "((x = ${env.X}))", "(( ${env.X} ))", "echo $( (( ${env.X} )) )", "a[${env.X}]=1", "a['${env.X}']=1", `a["${env.X}"]=1`, "echo \"$a[${env.X}]\"", "let x=${env.X}",
		"let 'x=${env.X}'", "eval ${env.X}", "eval \"echo\n${env.X}\"", "command eval '${env.X}'", "trap '${env.X}' EXIT", "bash -c 'echo ${env.X}'", "sh -ec \"${env.X}\"", "/bin/sh -c ${env.X}", "ssh h 'x ${env.X}'",
		"[[ ${env.X} -eq 1 ]]", "[[ a && '${env.X}' -eq 1 ]]", "declare -i x=${env.X}", "typeset -i x; declare -i y='${env.X}'", "test 1 -eq ${env.X}", "[ 1 -eq \"${env.X}\" ]", "echo \"\\${x:-${env.X}}\"", "echo \\${x:-${env.X}}",
		"python3 -c \"print('${env.X}')\"", "perl -ne '${env.X}'", "sudo sh -c ${env.X}", "export -i x=${env.X}", "echo $${env.X}", "echo \"$${env.X}\"", "echo \\\\${env.X}", "echo \"\\\\${env.X}\"", "cat <<${env.X}\n", "cat <<E\n$(x ${env.X})\nE\n", "cat <<E\n`${env.X}`\nE\n", "cat <<E\n\\${x:-${env.X}}\nE\n", "cat <<E\n$${env.X}\nE\n",
		"cat <<E\n\\\\${env.X}\nE\n", "echo $(cat <<E\n${env.X}\nE\n)", "cat <<E\n${env.X}\n", "echo \"$(case x in x) echo ${env.X};; esac)\"", "echo $'a\\'' ${env.X}", "echo \"\\${x#'}'}\" ${env.X}", "echo $[1+${env.X}]",
		"echo `a 'b'` ${env.X}", "cat <<E \"a\n\" \nE\n${env.X}", "cat <<'a b'\n${env.X}\na b\n", "echo '${env.X}", "echo \"${env.X}", "echo $((x['])) ${env.X}", "cat <<E \\\n\n${env.X}\nE\n",
	} {
		out, err := fill(Shell, false, file, []byte("v"))
		if !errors.Is(err, fault.Invalid) || out != "" {
			t.Errorf("%q became %q, %v", file, out, err)
		}
	}
	// What is like these and safe.
	for file, want := range map[string]string{
		"echo \"[${env.X}]\" [${env.X}]":               "[v] [v]\n",
		"eval 'a=1'; echo ${env.X}":                    "v\n",
		"[ 1 -eq 1 ] && echo ${env.X}":                 "v\n",
		"x=$((1<<2)); echo $x ${env.X}":                "4 v\n",
		"echo \"\\${x:-\\${y:-z}}\" ${env.X}":          "z v\n",
		"x() { echo \"$#\" $# \\${#} ${env.X}; }; x a": "1 1 1 v\n",
		"export A=\"-a -i ${env.X}\" B; echo \"$A\"":   "-a -i v\n",
		"declare -x A=${env.X}; echo $A":               "v\n",
		"cat <<< ${env.X}":                             "v\n",
		"echo $'a\\n'${env.X} $'${env.X}'":             "a\nv v\n",
		"echo a#${env.X} # ${env.X}":                   "a#v\n",
	} {
		out, err := fill(Shell, false, file, []byte("v"))
		if err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		if got := runScript(t, t.TempDir(), "bash", out); got != want {
			t.Errorf("%q became %q and printed %q", file, out, got)
		}
	}
}

// TestI21InputThatIsRun: a shell or an interpreter runs what it reads, so no value gets there: not in a here-document or a here-string,
// nor through a pipe, nor as an argument however its option is written.
func TestI21InputThatIsRun(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"ssh host <<EOF\necho ${env.X}\nEOF\n", "sh -s <<'EOF'\necho ${env.X}\nEOF\n", "sudo bash <<-EOF\n\techo ${env.X}\n\tEOF\n", "cat <<EOF | sh\n${env.X}\nEOF\n", "cat <<EOF |\n${env.X}\nEOF\nsh\n",
		"<<EOF sh\n${env.X}\nEOF\n", "cat <<EOF | (cd /; exec 'bash')\n${env.X}\nEOF\n", "/usr/bin/python3.12 - <<EOF\n${env.X}\nEOF\n", "$SHELL <<EOF\n${env.X}\nEOF\n", "\"${env.A}/sh\" <<EOF\n${env.X}\nEOF\n", ". /dev/stdin <<EOF\n${env.X}\nEOF\n",
		"if true; then source /dev/stdin <<EOF\n${env.X}\nEOF\nfi", "docker exec -i c sh <<A <<B\nx\nA\n${env.X}\nB\n", "su - u 2>&1 <<E\n${env.X}\nE\n",
		"bash <<< 'echo ${env.X}'", "bash -x <<<\"echo ${env.X}\"", "<<< ${env.X} bash", "echo 'echo ${env.X}' | sh", "echo 'echo ${env.X}' |& sh\n", "echo \"${env.X}\" |\n  tee log |\n\n  # it goes on\n  ssh host", "printf %s ${env.X} | \\bash",
		"{ echo a ${env.X}; cat b; } | ssh host bash", "( echo ${env.X}; cat b ) | sh", "for i in a; do\necho ${env.X}\ndone | sh", "if a; then echo ${env.X}\nfi | sh", "case a in a) echo ${env.X};; esac | sh", "echo \"$(printf %s ${env.X})\" | sh", "x=\"$(echo ${env.X} | sh)\"",
		"bash <(echo ${env.X})", "bash < <(echo ${env.X})", ". <(cat; echo ${env.X})", "echo ${env.X} | tee >(sh)", "echo ${env.X} > >(sudo sh)",
		"sh -ce 'echo ${env.X}'", "bash -ceu \"echo ${env.X}\"", "bash -cx ${env.X}", "bash 2>&1 -c ${env.X}", "eval 2>&1 ${env.X}", "eval >|f ${env.X}", "perl -E '${env.X}'", "perl -Mstrict -lane '${env.X}'", "node -p ${env.X}", "node -pe ${env.X}", "node --eval '${env.X}'",
		"node --eval='${env.X}'", "node --print \"${env.X}\"", "python3 -c'print(${env.X})'", "python3.12 -Ic ${env.X}", "ruby -e'${env.X}'", "php -r${env.X}", "su u --command=${env.X}", "env -S'a ${env.X}'", "sudo -s echo ${env.X}", "'eval' ${env.X}", "\\eval ${env.X}", "'s'h \"-c\" ${env.X}",
	} {
		for _, value := range []string{"v", "$(touch ran)"} {
			if out, err := fill(Shell, false, strings.ReplaceAll(file, "$SHELL", "\\$SHELL"), []byte(value)); !errors.Is(err, fault.Invalid) || out != "" {
				t.Errorf("%q became %q, %v", file, out, err)
			}
		}
	}
	// What is like these and only data.
	for file, want := range map[string]string{
		"sh -c 'cat' </dev/null; cat <<E\n${env.X}\nE\n":              "v\n",
		"x=${env.X}\nprintf %s \"$x\" | sh -c 'cat'":                  "v",
		"printf '%s\\n' ${env.X} | cat; true | sh":                    "v\n",
		"printf '%s\\n' ${env.X} || sh":                               "v\n",
		"sh -c 'echo 1' | grep -v ${env.X}":                           "1\n",
		"sh /dev/null ${env.X}; echo a":                               "a\n",
		"{ echo ${env.X}; }; echo echo 1 | sh":                        "v\n1\n",
		"f() { echo ${env.X}; }; f; (echo a); echo b | (sh -c cat)":   "v\na\nb\n",
		"echo ${env.X} | { cat; echo . source; }":                     "v\n. source\n",
		"cat <(echo ${env.X}); echo 3 | tee >(cat >/dev/null)":        "v\n3\n",
		"sh <<E; cat <<E2 >/dev/null\necho 1\nE\nE2\necho ${env.X}\n": "1\nv\n",
		"printf %s ${env.X} 2>&1 | xargs -r echo":                     "v\n",
	} {
		out, err := fill(Shell, false, file, []byte("v"))
		if err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		if got := runScript(t, t.TempDir(), "bash", out); got != want {
			t.Errorf("%q became %q and printed %q", file, out, got)
		}
	}
}

// TestI21AnyScript: whatever a script around it is, no shell runs the value: what it would leave behind is not there.
func TestI21AnyScript(t *testing.T) {
	t.Parallel()
	pieces := []string{
		"'", `"`, "`", "$(", ")", "((", "))", "${a", "}", "$'", `\`, "\n", " ", ";", "<<E\n", "\nE\n", "<<'E'\n", "#", "a=", "case a in ", ";; esac", "echo ", "x[", "]", "$", "{", "|", "[[ ", " -eq ", "<<-E\n", "$((", "sh", "sh -ec ", "<<<", "<(", ">(", "{ ", "; }", "&", x, x, x,
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		file := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 2, 14).Draw(t, "script"), "")
		file = strings.ReplaceAll(file, "${a", `\${a`) // ours would not parse
		v := rapid.SampledFrom([]string{"$(touch ran)", "`touch ran`", "'$(touch ran)'", "\"$(touch ran)\"", "'\ntouch ran\n'", "\nE\ntouch ran\n", "a[$(touch ran)]", "\";touch ran;\"", "';touch ran;'", "}$(touch ran)", ")\ntouch ran\n("}).Draw(t, "value")
		text, err := fill(Shell, false, file, []byte(v))
		if err != nil {
			return
		}
		for _, shell := range shells {
			cmd := exec.Command(shell, "-c", text)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
			_ = cmd.Run()
			if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
				_ = os.Remove(filepath.Join(dir, "ran"))
				t.Fatalf("%s ran the value %q of %q: %q", shell, v, file, text)
			}
		}
	})
}
