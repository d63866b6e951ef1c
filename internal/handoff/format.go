package handoff

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tacit/internal/fault"
)

// EnvFormats are the formats of [WriteEnv].
func EnvFormats() []string {
	return []string{"shell", "dotenv", "json", "docker", "github", "gitlab", "fish", "powershell"}
}

// WriteEnv returns the variables in a format, such that whoever reads it gets exactly these values and runs nothing of them (I21):
//
//	shell       export NAME='…', for eval in a POSIX shell, bash, zsh or ksh
//	fish        set -gx NAME '…', for `… | source`
//	powershell  $env:NAME = '…', for `… | Out-String | Invoke-Expression`; all of it is ASCII
//	dotenv      NAME='…', as [DotenvQuote] has it
//	json        one object
//	docker      NAME=…, for docker run --env-file, which knows no quotes
//	github      what GitHub Actions reads from the file of $GITHUB_ENV
//	gitlab      NAME=…, for a dotenv report of GitLab CI, which knows no quotes and no spaces
//
// A value that a format cannot hold is an error of class fault.Invalid that names the secret; nothing is returned then. random is where the
// delimiters of github come from.
func WriteEnv(format string, variables []Variable, random io.Reader) ([]byte, error) {
	if format == "json" {
		return envJSON(variables)
	}
	write, ok := envWriter(format, random)
	if !ok {
		return nil, fault.New(fault.Usage, "env: no such format: %.20q", format).WithFix("use %s", strings.Join(EnvFormats(), ", "))
	}
	var out bytes.Buffer
	for _, v := range variables {
		if err := CheckName(v.Name); err != nil {
			return nil, err
		}
		value := string(v.Value.Reveal())
		if strings.Contains(value, "\x00") {
			return nil, cannotHold(v, "holds a NUL byte, which no environment variable can", keepAsBase64)
		}
		line, err := write(v.Name, value)
		if err != nil {
			return nil, cannotHold(v, err.Error(), fixOf(err))
		}
		out.WriteString(line)
	}
	return out.Bytes(), nil
}

func cannotHold(v Variable, why, fix string) error {
	e := fault.New(fault.Invalid, "%s %s", v.Of, why).About(v.Of)
	e.Fix = fix
	return e
}

// envWriter returns what writes one variable, line break included.
func envWriter(format string, random io.Reader) (func(name, value string) (string, error), bool) {
	switch format {
	case "shell":
		return func(name, value string) (string, error) {
			return "export " + name + "=" + ShellQuote(value) + "\n", nil
		}, true
	case "fish":
		return func(name, value string) (string, error) {
			return "set -gx " + name + " " + fishQuote(value) + "\n", nil
		}, true
	case "powershell":
		return envPowerShell, true
	case "dotenv":
		return func(name, value string) (string, error) {
			return name + "=" + DotenvQuote(value) + "\n", fitsDotenv(value)
		}, true
	case "docker":
		return envDocker, true
	case "github":
		return func(name, value string) (string, error) { return envGitHub(name, value, random) }, true
	case "gitlab":
		return envGitLab, true
	}
	return nil, false
}

// envJSON writes {NAME:VALUE}, as `tacit import` reads it. What is not UTF-8 has no place in it.
func envJSON(variables []Variable) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, v := range variables {
		value := v.Value.Reveal()
		if !utf8.Valid(value) {
			return nil, cannotHold(v, "is not UTF-8, which all text in JSON is", keepAsBase64)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		name, _ := json.Marshal(v.Name) // of a string, so without an error
		fmt.Fprintf(&out, `%s:"%s"`, name, doubleQuoted(string(value)))
	}
	out.WriteString("}\n")
	return out.Bytes(), nil
}

// fishQuote returns v as one word of fish: between single quotes it knows two escapes, \\ and \'.
func fishQuote(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'"
}

// envPowerShell: between single quotes nothing means anything but the quote itself, which is doubled; PowerShell takes typographic quotes
// for quotes too. It reads what a program prints in the code page of the console, in which bytes of UTF-8 can become such quotes and end
// the text: whatever is not ASCII, and what a console may not hand on, goes as base64. Its text is UTF-16, so that what is not UTF-8 would
// not arrive as it is.
func envPowerShell(name, value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", errNotUTF8("PowerShell")
	}
	if strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return "$env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'\n", nil
	}
	return "$env:" + name + " = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('" + base64.StdEncoding.EncodeToString([]byte(value)) + "'))\n", nil
}

const oneLineOnly = "write another format, such as shell or json; or keep it as base64 text"

// envDocker: docker takes everything behind the first '=' as it is, up to the end of the line. It wants UTF-8.
func envDocker(name, value string) (string, error) {
	switch {
	case strings.Contains(value, "\n"):
		return "", &misfit{"has more than one line, which docker --env-file cannot hold", oneLineOnly}
	case strings.HasSuffix(value, "\r"):
		return "", &misfit{"ends in a carriage return, which docker --env-file drops", oneLineOnly}
	case !utf8.ValidString(value):
		return "", errNotUTF8("docker --env-file")
	case len(name)+len(value)+1 >= maxDockerLine:
		return "", &misfit{"is longer than a line of docker --env-file may be", "mount it as a file: tacit run --file-env"}
	}
	return name + "=" + value + "\n", nil
}

// maxDockerLine is the longest line that docker reads (bufio.MaxScanTokenSize), in bytes.
const maxDockerLine = 64 << 10

// envGitLab: a dotenv report has no quotes, no escapes, and no spaces or lines within a value.
func envGitLab(name, value string) (string, error) {
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "", &misfit{"has more than one line, which a dotenv report of GitLab cannot hold", oneLineOnly}
	case strings.ContainsAny(value, " \t"):
		return "", &misfit{"has a space in it, which a dotenv report of GitLab cannot hold", oneLineOnly}
	case value == "":
		return "", &misfit{"is empty, which a dotenv report of GitLab cannot hold", ""}
	case !utf8.ValidString(value):
		return "", errNotUTF8("a dotenv report of GitLab")
	case value[0] == '"' || value[0] == '\'':
		return "", &misfit{"begins with a quote, which a dotenv report of GitLab may take for its own", oneLineOnly}
	case strings.Contains(value, "$"):
		return "", &misfit{"has a $ in it, which GitLab may take for a variable", oneLineOnly}
	}
	return name + "=" + value + "\n", nil
}
