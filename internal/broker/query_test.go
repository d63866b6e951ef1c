package broker

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

func query(q string) Request { return Request{Method: "GET", Path: "/", Query: q} }

func TestCanonicalQuery(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                          "",
		"a=b&c=d":                   "a=b&c=d",
		"b=1&a=2&b=3":               "b=1&a=2&b=3", // order and repetition are the caller's
		"&&a=b&&c&":                 "a=b&c",
		"acl":                       "acl", // S3 tells it from acl=
		"acl=":                      "acl=",
		"q=a+b%20c":                 "q=a%20b%20c",
		"q=%2b%2B":                  "q=%2B%2B",
		"%71=%7e%41":                "q=~A",
		"f=a,b%2cc":                 "f=a,b%2Cc", // APIs tell them apart
		"u=https://x.example/?y":    "u=https://x.example/?y",
		"u=https%3A%2F%2Fx%3Fa%3Db": "u=https%3A%2F%2Fx%3Fa%3Db",
		"e[]=x&e%5b%5d=y":           "e%5B%5D=x&e%5B%5D=y",
		"q=ä%c3%a4":                 "q=%C3%A4%C3%A4",
		"x=%252F":                   "x=%252F", // a value is data, whatever it holds
		"x=a=b":                     "x=a=b",
		"$filter=id%20eq%20'1'":     "$filter=id%20eq%20'1'",
		"method=flickr.photos":      "method=flickr.photos",
		"page[token]=1&next_token=": "page%5Btoken%5D=1&next_token=",
		"x=%0a":                     "x=%0A",
	} {
		c, err := Canonicalise(query(in))
		if err != nil || c.Query() != want {
			t.Errorf("%s: %v, %v; want %s", in, c, err, want)
		}
	}
	for _, q := range []string{"a=b c", "a=\x00", "a=b\r\nX: y", "a=\x7f", "a=b#c", "a=%", "a=%2", "a=%zz", "a=b;c=d", ";", "%00=1", "%0a=1", "%ff=1", "a%26b=1", "a%3db=1", "a%3Bb=1", "%2561=1"} {
		if c, err := Canonicalise(query(q)); !errors.Is(err, fault.Denied) {
			t.Errorf("%q: %v, %v; want it refused", q, c, err)
		}
	}
	for _, q := range []string{strings.Repeat("a", maxQuery+1), strings.Repeat("&", maxParameters), strings.Repeat("a", maxParameterName+1) + "=1", "a" + strings.Repeat("[", maxNameNesting+1)} {
		if _, err := Canonicalise(query(q)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%d bytes: %v", len(q), err)
		}
	}
}

// TestI25ReservedParameters tries to set, duplicate or override what the strategy puts in the query.
func TestI25ReservedParameters(t *testing.T) {
	t.Parallel()
	reserved := Reserved{Queries: []string{"key", "api_key"}}
	for _, q := range []string{
		"key=mine", "key", "key=", "KEY=mine", "Key=mine", "a=1&key=mine", "key=a&key=b", "&&key=mine",
		"%6bey=mine", "%6B%65%79=mine", "ke%59=mine", "%4bey=mine",
		"key[]=mine", "key%5b%5d=mine", "key[0]=mine", "key[a][b]=mine", "[key]=mine", "%5Bkey%5D=mine", "key]=mine", "key.x=mine", ".key=mine",
		"+key=mine", "key+=mine", "%20key=mine", "key%20=mine", "%C2%A0key=mine&key=x",
		"\u212aey=mine", "%e2%84%aaey=mine", // the sign of kelvin
		"api_key=mine", "API_KEY=mine", "api-key=mine", "api.key=mine", "api+key=mine", "apikey=mine", "api%5Fkey=mine", "api[key=mine", "ap\u0131_key=mine",
		"?key=mine", "/key=mine",
	} {
		c, err := Canonicalise(query(q))
		if err == nil {
			err = c.Reserve(reserved)
		}
		if !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v, want it refused", q, err)
		}
		if err != nil && strings.Contains(err.Error(), "mine") {
			t.Errorf("%s: the refusal repeats a value: %v", q, err)
		}
	}
	for _, q := range []string{"keys=1", "page[key]=1", "monkey=1", "k=key", "q=key=1", "sort_key=1", "api=1&key2=2", "=key", "-=1"} {
		c, err := Canonicalise(query(q))
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		if err := c.Reserve(reserved); err != nil {
			t.Errorf("%s: %v", q, err)
		}
	}
	if c, err := Canonicalise(query("_=1")); err != nil || c.Reserve(Reserved{Queries: []string{"_"}}) == nil || c.Reserve(Reserved{Queries: []string{"-"}}) != nil {
		t.Errorf("a name of punctuation is not compared as it is: %v", err)
	}
}

// TestI25ParametersThatAuthenticateOrOverride are refused whatever the strategy.
func TestI25ParametersThatAuthenticateOrOverride(t *testing.T) {
	t.Parallel()
	for _, q := range []string{
		"_method=DELETE", "_METHOD=DELETE", "%5fmethod=DELETE", "_method[]=DELETE", ".method=DELETE", "+method=DELETE", "$httpMethod=DELETE",
		"X-HTTP-Method-Override=DELETE", "x_http_method_override=DELETE", "access_token=x", "Access-Token=x", "access%5Ftoken=x", "access_token[]=x",
		"acce\u017fs_token=x", "oauth_token=x", "Authorization=x", "X-Amz-Signature=x", "X-Amz-Credential=x", "x-amz-security-token=x",
	} {
		if c, err := Canonicalise(query(q)); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v, %v; want it refused", q, c, err)
		}
	}
}

// TestI29DearQueriesAreCheap: the dearest query that is let through, with the dearest names, costs milliseconds.
func TestI29DearQueriesAreCheap(t *testing.T) {
	t.Parallel()
	name := "a" + strings.Repeat("b", maxParameterName-maxNameNesting-1) + strings.Repeat("[", maxNameNesting)
	q := strings.TrimSuffix(strings.Repeat(name+"&", maxQuery/(3*len(name))), "&") // [ is three bytes where it is escaped
	start := time.Now()
	c, err := Canonicalise(query(q))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reserve(Reserved{Queries: []string{"key", "token", "x-amz-signature", "x-amz-date"}}); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %s", d)
	}
}

// TestQueryKeepsItsMeaning: whatever the spelling, a form parser reads what it would have read before.
func TestQueryKeepsItsMeaning(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`[a-z][a-zA-Z0-9 _~!$'()*,:@/?+"<>|%ä日-]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		var pairs []string
		want := url.Values{}
		for range rapid.IntRange(0, 8).Draw(t, "parameters") {
			name, value := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "name"), text.Draw(t, "value")
			want.Add(name, value)
			pairs = append(pairs, spelling(t, "how", name)+"="+spelling(t, "how", value))
		}
		c, err := Canonicalise(query(strings.Join(pairs, "&")))
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.ParseQuery(c.Query())
		if err != nil || got.Encode() != want.Encode() {
			t.Fatalf("%s: %v, %v; want %v", c.Query(), got, err, want)
		}
	})
}

// TestI25NoReservedNameSurvives spells a reserved name in every way that it knows of.
func TestI25NoReservedNameSurvives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reserved := rapid.SampledFrom([]string{"key", "api_key", "token", "appid", "sig"}).Draw(t, "reserved")
		var name strings.Builder
		name.WriteString(rapid.SampledFrom([]string{"", " ", "[", "_", "."}).Draw(t, "before"))
		for _, r := range reserved {
			forms := []string{string(r), strings.ToUpper(string(r))}
			switch r {
			case 'k':
				forms = append(forms, "\u212a")
			case 's':
				forms = append(forms, "\u017f")
			case 'i':
				forms = append(forms, "\u0130", "\u0131")
			case '_':
				forms = append(forms, "-", ".", " ", "")
			}
			name.WriteString(rapid.SampledFrom(forms).Draw(t, "letter"))
		}
		name.WriteString(rapid.SampledFrom([]string{"", " ", "]", "[]", "[0]", "[a][b]", ".a", "_"}).Draw(t, "after"))
		q := "a=1&" + spelling(t, "how", name.String()) + rapid.SampledFrom([]string{"", "=", "=mine"}).Draw(t, "value")
		c, err := Canonicalise(query(q))
		if err == nil {
			err = c.Reserve(Reserved{Queries: []string{reserved}})
		}
		if !errors.Is(err, fault.Denied) {
			t.Fatalf("%s is let through where %s is reserved: %v", q, reserved, err)
		}
	})
}
