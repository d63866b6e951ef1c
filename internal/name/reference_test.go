package name

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

func TestParseReference(t *testing.T) {
	for in, want := range map[string]Reference{
		"tacit://db.password":                 {Name: "db.password"},
		"db.password":                         {Name: "db.password"},
		"tacit://env/db":                      {Name: "env/db"},
		"tacit://env:db":                      {Provider: "env", Name: "db"},
		"azure-keyvault:a/b@12#user.name":     {Provider: "azure-keyvault", Name: "a/b", Version: 12, Field: "user.name"},
		"aws:db@EXAMPLE1-90ab-cdef":           {Provider: "aws", Name: "db", StoreVersion: "EXAMPLE1-90ab-cdef"},
		"aws:db@AWSPREVIOUS#user":             {Provider: "aws", Name: "db", StoreVersion: "AWSPREVIOUS", Field: "user"},
		"kv:db@01":                            {Provider: "kv", Name: "db", StoreVersion: "01"},
		"kv:db@2147483648":                    {Provider: "kv", Name: "db", StoreVersion: "2147483648"},
		"kv:db@" + strings.Repeat("v", 128):   {Provider: "kv", Name: "db", StoreVersion: strings.Repeat("v", 128)},
		"local:db@2":                          {Provider: "local", Name: "db", Version: 2},
		"db@previous":                         {Name: "db", Version: Previous},
		"db@previous#x":                       {Name: "db", Version: Previous, Field: "x"},
		"db#a@b":                              {Name: "db", Field: "a@b"},
		"db#a#b":                              {Name: "db", Field: "a#b"},
		"db#a:b":                              {Name: "db", Field: "a:b"},
		"db@2147483647":                       {Name: "db", Version: 1<<31 - 1},
		"db#" + strings.Repeat("f", maxField): {Name: "db", Field: strings.Repeat("f", maxField)},
	} {
		got, err := ParseReference(in)
		if err != nil || got != want {
			t.Errorf("ParseReference(%q) = %+v, %v; want %+v", in, got, err, want)
		}
		if bare := strings.TrimPrefix(in, Scheme); got.Bare() != bare || got.String() != Scheme+bare {
			t.Errorf("%q prints as %q and %q", in, got.String(), got.Bare())
		}
	}
	for _, in := range []string{
		"", "tacit://", "tacit:", "tacit:/db", "TACIT://db", "tacit://tacit://db", "tacit:///db", ":db", "env:", "env:env:db", "1env:db", "e v:db",
		"db@", "db@0", "db@-1", "db@+1", "db@01", "db@1.0", "db@2147483648", "db@99999999999999999999", "db@latest", "db@PREVIOUS", "db@1@2", "@1",
		"db#", "#f", "db#\n", "db#\x7f", "db#\xff", "db#" + strings.Repeat("f", maxField+1), "db password", "db\n", "vault:secret:abc",
		strings.Repeat("p", 65) + ":db", "${secret:db}",
		"local:db@latest", "local:db@01", "kv:db@", "kv:db@-1", "kv:db@a b", "kv:db@../x", "kv:db@a/b", "kv:db@a?b", "kv:db@.", "kv:db@1@2", "kv:db@" + strings.Repeat("v", 129),
	} {
		if got, err := ParseReference(in); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseReference(%q) = %+v, %v; want an error of class invalid", in, got, err)
		}
	}
}

func TestParseInterpolation(t *testing.T) {
	for in, want := range map[string]Reference{
		"${secret:db}":           {Name: "db"},
		"${secret:env:db@3#a b}": {Provider: "env", Name: "db", Version: 3, Field: "a b"},
	} {
		if got, err := ParseInterpolation(in); err != nil || got != want {
			t.Errorf("ParseInterpolation(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "db", "tacit://db", "${secret:}", "${secret:db", "secret:db}", "${secret:db}}", "${secret:db#a}b}", "${secret:tacit://db}",
		"${secrets:db}", "${secret.db}", " ${secret:db}", "${secret:db} ", "${secret:${secret:db}}", "${secret:db:-default}",
	} {
		if got, err := ParseInterpolation(in); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseInterpolation(%q) = %+v, %v; want an error of class invalid", in, got, err)
		}
	}
}

// TestParseReferenceOf: what --provider says counts for how a version may look, and is not part of the name.
func TestParseReferenceOf(t *testing.T) {
	if got, err := ParseReferenceOf("aws", "db@abc-1"); err != nil || got != (Reference{Provider: "aws", Name: "db", StoreVersion: "abc-1"}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseReferenceOf("aws", "env:db@2"); err != nil || got.Provider != "env" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseReferenceOf("", "db@abc-1"); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

// TestReferencePrintParse: whatever a reference holds, its two spellings read back as the same reference.
func TestReferencePrintParse(t *testing.T) {
	gen := rapid.Custom(func(t *rapid.T) Reference {
		r := Reference{
			Provider: rapid.StringMatching(`|[A-Za-z][A-Za-z0-9_-]{0,20}`).Draw(t, "provider"),
			Name:     rapid.StringMatching(`[A-Za-z][A-Za-z0-9._-]{0,20}(/[A-Za-z0-9_-]{1,20}){0,4}`).Draw(t, "name"),
			Version:  rapid.OneOf(rapid.IntRange(-1, 3), rapid.IntRange(-1, 1<<31-1)).Draw(t, "version"),
			Field:    rapid.StringMatching(`|[ -~äß€]{1,40}`).Draw(t, "field"),
		}
		if v := rapid.StringMatching(`|[A-Za-z0-9][A-Za-z0-9._-]{0,127}`).Draw(t, "store version"); r.Provider != "" && r.Provider != Local {
			if _, number := parseVersion(v); !number && v != "" {
				r.Version, r.StoreVersion = 0, v
			}
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "reference")
		for _, s := range []string{r.String(), r.Bare()} {
			if got, err := ParseReference(s); err != nil || got != r {
				t.Fatalf("%q reads as %+v, %v; want %+v", s, got, err, r)
			}
		}
	})
}

// FuzzParseReference: what parses prints back to the text that was read, and only well-formed parts come out.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"tacit://env:db@3#f", "db", "a/b@previous", "tacit://", "x@01", "a#b#c", "${secret:db}", "p:n@1#\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseInterpolation(s); err == nil && "${secret:"+r.Bare()+"}" != s {
			t.Fatalf("%q reads as the interpolation %+v", s, r)
		}
		r, err := ParseReference(s)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("%q: class %s", s, fault.CodeOf(err))
			}
			return
		}
		if r.Bare() != strings.TrimPrefix(s, Scheme) {
			t.Fatalf("%q prints as %q", s, r.Bare())
		}
		if Check(r.Name) != nil || r.Version < Previous {
			t.Fatalf("%q reads as %+v", s, r)
		}
		if again, err := ParseReference(r.String()); err != nil || again != r {
			t.Fatalf("%q prints as %q, which reads as %+v, %v", s, r, again, err)
		}
	})
}
