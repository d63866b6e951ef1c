package awscreds

import "testing"

func TestElement(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<a><K>x+/=_-:.9Z</K></a>": "x+/=_-:.9Z",
		"<K></K>":                  "",
		"<K>x":                     "",
		"<K>x</K><K>y</K>":         "",
		"<K>x&amp;y</K>":           "",
		"<K><![CDATA[x]]></K>":     "",
		"<K>x y</K>":               "",
		"<K>x<L>y</L></K>":         "",
		"<Key>x</Key>":             "",
		"":                         "",
	} {
		if got, ok := element([]byte(body), "K"); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", body, got, ok, want)
		}
	}
}
