package transfer

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/fault"
)

func TestEachEnvLine(t *testing.T) {
	t.Parallel()
	const file = "\ufeff# comment\nexport A=${secret:a} # why\nEMPTY=\n# tacit:name=other\nB='${secret:b}'\n" +
		"C=\"one\\${secret:c} two ${secret:c}\r\n\\$x\"\r\nA=tacit://again\n# tacit:base64\nD=JHtzZWNyZXQ6ZH0=\n"
	var got []EnvLine
	if err := EachEnvLine(strings.NewReader(file), func(l EnvLine) error { got = append(got, l); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []EnvLine{
		{Line: 2, Name: "A", Value: []byte("${secret:a}")},
		{Line: 3, Name: "EMPTY", Value: []byte{}},
		{Line: 5, Name: "B", Value: []byte("${secret:b}"), Literal: true},
		{Line: 6, Name: "C", Value: []byte("one${secret:c} two ${secret:c}\n$x"), Dollars: []int{3, 31}},
		{Line: 8, Name: "A", Value: []byte("tacit://again")},
		{Line: 10, Name: "D", Value: []byte("${secret:d}"), Literal: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestEachEnvLineNamesTheLine(t *testing.T) {
	t.Parallel()
	err := EachEnvLine(strings.NewReader("A=1\n\nB C D\n"), func(EnvLine) error { return nil })
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "line 3") {
		t.Error(err)
	}
}
