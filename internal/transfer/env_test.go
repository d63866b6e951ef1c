package transfer

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnv(t *testing.T) {
	checkGood(t, "env", []goodCase{
		{"empty", "", ``},
		{"blank lines and comments", "\n  \n# c\n\t# d\n#\n", ``},
		{"plain", "A=1\nB_2=two words \n  C=x\n", `
A="1" line 1
B_2="two words" line 2
C="x" line 3
`},
		{"no line end", "A=1\nB=2", `
A="1" line 1
B="2" line 2
`},
		{"export", "export A=1\nexport\tB=2\n  export   C='3'\nexport=4\nexported=5\n", `
A="1" line 1
B="2" line 2
C="3" line 3
export="4" line 4
exported="5" line 5
`},
		{"blanks around =", "A = 1\nB\t=\t'x'\nC= # only a comment\nD=#not a comment\n", `
A="1" line 1
B="x" line 2
D="#not a comment" line 4
empty_value at line 3: C has no value and is left out
`},
		{"inline comments", "A=x # c\nB=x#y\nC=x\t#c\nD='a' # c\nE=\"b\" # c 'd\nF=x # c # d\n", `
A="x" line 1
B="x#y" line 2
C="x" line 3
D="a" line 4
E="b" line 5
F="x" line 6
`},
		{"single quotes are literal", `A='$X ${Y} $(id) \n \\ " # x'`, `
A="$X ${Y} $(id) \\n \\\\ \" # x" line 1
`},
		{"double quotes", `A="a\nb\rc\td\"e\\f\$g" # c` + "\n" + `B="\x\'\q $HOME ` + "\\`" + `"`, `
A="a\nb\rc\td\"e\\f$g" line 1
B="\\x\\'\\q $HOME ` + "`" + `" line 2
`},
		{"nothing is expanded or run", "A=$HOME\nB=${HOME:-x}\nC=$(id)\nD=`id`\nE=\"${HOME} $(id)\"\nF=${secret:a}\nG=tacit://a\n", `
A="$HOME" line 1
B="${HOME:-x}" line 2
C="$(id)" line 3
D="` + "`id`" + `" line 4
E="${HOME} $(id)" line 5
F="${secret:a}" line 6
G="tacit://a" line 7
`},
		{"unquoted is literal", "A=line1\\nline2\nB=it's\nC=a\"b\"c\nD=a=b=c\nE=a\\\n", `
A="line1\\nline2" line 1
B="it's" line 2
C="a\"b\"c" line 3
D="a=b=c" line 4
E="a\\" line 5
`},
		{"several lines", "KEY=\"-----BEGIN KEY-----\nAAAA=\n# not a comment\n\n-----END KEY-----\"\nB='x\n\"y\n'\nC=z\n", `
KEY="-----BEGIN KEY-----\nAAAA=\n# not a comment\n\n-----END KEY-----" line 1
B="x\n\"y\n" line 6
C="z" line 9
`},
		{"CRLF", "# c\r\nA=1\r\nB='x\r\ny'\r\nC=\"\\r\n\r\n\" # c\r\n\r\nD='a\r\nb'", `
A="1" line 2
B="x\ny" line 3
C="\r\n\n" line 5
D="a\nb" line 9
`},
		{"CR is a byte elsewhere", "A='x\r\ny'\nB='\r'\nC=\"a\\\r\nb\"\n", `
A="x\r\ny" line 1
B="\r" line 3
C="a\\\r\nb" line 4
`},
		{"directives", "# tacit:name=db.password\nDB_PASSWORD=x\n#tacit:name=no\nB=y\n# tacit:base64\n# tacit:name=bin\n# another comment\n\nBIN=AP8=\n# tacit:base64 \nexport C='eA=='\n", `
db.password="x" line 2
B="y" line 4
bin="\x00\xff" line 9
C="x" line 11
`},
		{"directives that belong to nothing", "# tacit:nmae=x\nA=1\nB=2 # tacit:name=c\n# tacit:base64\n", `
A="1" line 2
B="2" line 3
unused_directive at line 1: a comment that begins with tacit: belongs to no entry, or is not one that tacit knows
unused_directive at line 4: a comment that begins with tacit: belongs to no entry, or is not one that tacit knows
`},
		{"the last of duplicates", "A=1\nB=2\nA=3\n\nA='4'\n# tacit:name=B\nX=5\n", `
A="4" line 5
B="5" line 7
duplicate_name at line 3: A is set on line 1 and again on line 3, which counts
duplicate_name at line 5: A is set on line 3 and again on line 5, which counts
duplicate_name at line 7: B is set on line 2 and again on line 7, which counts
`},
		{"invalid names are entries", "1A=x\nA B=y\n=z\nA;B=1\nÄ=1\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC+BKcwggSjAgEAAoIBAQ==\n", `
1A="x" line 1 invalid=invalid name: it must begin with a letter
A B="y" line 2 invalid=invalid name: it holds a character that is not allowed
="z" line 3 invalid=invalid name: it is empty
A;B="1" line 4 invalid=invalid name: it holds a character that is not allowed
Ä="1" line 5 invalid=invalid name: it must begin with a letter
MIIEvQIBADANB...="=" line 6 invalid=invalid name: it holds a character that is not allowed
`},
		{"bytes that are not UTF-8", "A=caf\xe9\nB='\xff'\n", `
A="caf\xe9" line 1
B="\xff" line 2
`},
		{"encrypted by dotenvx", "A=encrypted:BL6B\n", `
A="encrypted:BL6B" line 1
encrypted_value at line 1: the value of A was encrypted by dotenvx and is imported as it stands
`},
	})
}

func TestEnvMistakes(t *testing.T) {
	checkBad(t, "env", []badCase{
		{"no assignment", "A=1\n\n" + canary + "\nB=2\n", `line 3: expected NAME=value`},
		{"no assignment at the end", "A=1\n" + canary, `line 2: expected NAME=value`},
		{"export without value", "export A\n", `line 1: expected NAME=value`},
		{"broken key", "KEY=-----BEGIN KEY-----\n" + canary + "\n-----END KEY-----\n", `line 2: expected NAME=value`},
		{"long line without =", strings.Repeat("x", 5000) + "=1\n", `line 1: expected NAME=value`},
		{"unterminated double", "A=1\nB=\"" + canary + "\nC=2\nD=3\n", `line 2: the quote that begins here does not end`},
		{"unterminated single", "A=1\nB='" + canary + "\nC=\"x\"\n", `line 2: the quote that begins here does not end`},
		{"escaped end", "A=\"" + canary + "\\\"", `line 1: the quote that begins here does not end`},
		{"text after quote", "A=1\nB='x'" + canary + "\n", `line 2: text follows the closing quote`},
		{"text after quote of lines", "A=\"1\n2\n3\" " + canary + "\n", `line 3: text follows the closing quote`},
		{"shell concatenation", `A='it'\''s'`, `line 1: text follows the closing quote`},
		{"comment that touches", "A='x'#c\n", `line 1: text follows the closing quote`},
		{"NUL", "A=1\nB=" + canary + "\x00\n", `line 2: a NUL byte stands in the text`},
		{"binary", "\x00\x01\x02", `line 1: a NUL byte stands in the text`},
		{"bad base64", "# tacit:base64\nA=" + canary + "\n", `line 2: the value is not base64`},
	})
}

// TestEnvFixtures reads files as they are found in the wild; beside each stands what is in it.
func TestEnvFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/env/*.env")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures: ", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			list, warnings, err := readAll("auto", f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".env") + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if got := summaries(list, warnings); got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestEnvFromTheMiddle: a file that was read from already is read from there, twice.
func TestEnvFromTheMiddle(t *testing.T) {
	r := strings.NewReader("A=1\nB=2\nC=3\n")
	if _, err := r.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	list, _, err := readAll("env", r, Options{})
	if got := summaries(list, nil); err != nil || got != "B=\"2\" line 1\nC=\"3\" line 2\n" {
		t.Errorf("%q, %v", got, err)
	}
}
