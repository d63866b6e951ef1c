package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
	"tacit/internal/transfer/jsonstream"
)

// readings draws answers to get.
func readings() *rapid.Generator[keeper.Read] {
	return rapid.Custom(func(t *rapid.T) keeper.Read {
		text := rapid.String()
		maybe := rapid.Ptr(text, true)
		at := rapid.Map(rapid.Int64Range(0, 250_000_000_000_000), func(ms int64) time.Time { return time.UnixMilli(ms).UTC() })
		list := rapid.SliceOfN(text, 0, 3)
		return keeper.Read{
			Secret: client.Secret{
				ID: text.Draw(t, "id"), Name: text.Draw(t, "name"), Provider: "local", Scope: text.Draw(t, "scope"),
				Version: rapid.IntRange(1, 1<<24).Draw(t, "version"), Versions: rapid.IntRange(1, 99).Draw(t, "versions"),
				State: "active", Exposure: "readable", Pin: maybe.Draw(t, "pin"), Tags: list.Draw(t, "tags"), Aliases: list.Draw(t, "aliases"),
				Groups: list.Draw(t, "groups"), Owner: maybe.Draw(t, "owner"), Note: maybe.Draw(t, "note"),
				CreatedAt: at.Draw(t, "created"), UpdatedAt: at.Draw(t, "updated"), ExpiresAt: rapid.Ptr(at, true).Draw(t, "expires"), RotateEvery: maybe.Draw(t, "rotate"),
			},
			Version: rapid.IntRange(1, 1<<24).Draw(t, "of"), Field: text.Draw(t, "field"),
			Value: secret.New(rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(text, func(s string) []byte { return []byte(s) })).Draw(t, "value")),
		}
	})
}

// TestReadByHand: what is written by hand is client.Read as encoding/json reads it, and what encoding/json writes of one is read by hand.
func TestReadByHand(t *testing.T) {
	t.Parallel()
	same := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b secret.Value) bool { return bytes.Equal(a.Reveal(), b.Reveal()) })}
	rapid.Check(t, func(t *rapid.T) {
		want := readings().Draw(t, "read")
		var b jsonstream.Builder
		AppendRead(&b, &want)
		doc, err := b.Built()
		if err != nil {
			t.Fatal(err)
		}
		var shape client.Read
		d := json.NewDecoder(bytes.NewReader(doc))
		d.DisallowUnknownFields()
		if err := d.Decode(&shape); err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		if (shape.Value != nil) == (shape.ValueBase64 != nil) || utf8.Valid(want.Value.Reveal()) != (shape.Value != nil) {
			t.Fatalf("the value is in the wrong place: %s", doc)
		}
		again, err := json.Marshal(shape)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range [][]byte{doc, again, bytes.Replace(doc, []byte(`{"secret":{`), []byte(`{ "new" : [ {"x":null} ], "secret":{"newer":{"a":[1,2]},`), 1)} {
			got, err := ParseRead(doc)
			if err != nil {
				t.Fatalf("%v: %s", err, doc)
			}
			if d := cmp.Diff(want, got, same); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// FuzzParseRead: an answer that is not as expected is an error, and never a panic.
func FuzzParseRead(f *testing.F) {
	f.Add([]byte(`{"secret":{"name":"a","tags":["x"],"created_at":"2026-11-22T12:00:00Z","expires_at":null},"version":1,"field":null,"value":"x","value_base64":null}`))
	f.Add([]byte(`{"value":"x","value_base64":"eA=="}`))
	f.Add([]byte(`{"value":{}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if r, err := ParseRead(bytes.Clone(doc)); err == nil && !json.Valid(doc) && utf8.Valid(doc) && !strings.Contains(string(doc), "}") {
			t.Errorf("%q is %v", doc, r)
		}
	})
}

// TestGetByHand: the request of get is client.GetRequest.
func TestGetByHand(t *testing.T) {
	t.Parallel()
	for _, want := range []keeper.GetRequest{
		{},
		{Ref: keeper.Ref{Name: "a", Version: keeper.Previous, Scope: "workspace/w", Provider: "local"}, Field: "a.\"b", IncludeExpired: true, Door: "run"},
	} {
		var b jsonstream.Builder
		AppendGet(&b, &want)
		doc, err := b.Built()
		if err != nil {
			t.Fatal(err)
		}
		var shape client.GetRequest
		if err := UnmarshalRequest(doc, &shape); err != nil {
			t.Fatal(err)
		}
		if got := ToGet(shape); got != want {
			t.Errorf("%+v is %s is %+v", want, doc, got)
		}
	}
}

// TestManyByHand: what is written by hand is client.ReadMany as encoding/json reads it, and is read by hand as what it was.
func TestManyByHand(t *testing.T) {
	t.Parallel()
	same := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b secret.Value) bool { return bytes.Equal(a.Reveal(), b.Reveal()) })}
	rapid.Check(t, func(t *rapid.T) {
		want := make([]keeper.Answer, rapid.IntRange(1, 5).Draw(t, "answers"))
		for i := range want {
			if code := rapid.SampledFrom(append(fault.Codes(), "")).Draw(t, "code"); code != "" {
				want[i].Err = &fault.Error{Code: code, Message: rapid.String().Draw(t, "message"), Fix: rapid.String().Draw(t, "fix"), Object: rapid.String().Draw(t, "object")}
			} else {
				want[i].Read = readings().Draw(t, "read")
			}
		}
		var b jsonstream.Builder
		if err := AppendMany(&b, want); err != nil {
			t.Fatal(err)
		}
		doc, err := b.Built()
		if err != nil {
			t.Fatal(err)
		}
		var shape client.ReadMany
		d := json.NewDecoder(bytes.NewReader(doc))
		d.DisallowUnknownFields()
		if err := d.Decode(&shape); err != nil || len(shape.Answers) != len(want) {
			t.Fatalf("%v: %s", err, doc)
		}
		again, err := json.Marshal(shape)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range [][]byte{doc, again, bytes.Replace(doc, []byte(`{"answers":[{`), []byte(`{ "new" : [ {"x":null} ], "answers":[{"newer":{"a":[1,2]},`), 1)} {
			got, err := ParseMany(doc)
			if err != nil {
				t.Fatalf("%v: %s", err, doc)
			}
			if d := cmp.Diff(want, got, same); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// FuzzParseMany: answers that are not as expected are an error, and never a panic, or a value together with a problem.
func FuzzParseMany(f *testing.F) {
	f.Add([]byte(`{"answers":[{"read":{"secret":{"name":"a"},"version":1,"value":"x","value_base64":null},"problem":null},{"read":null,"problem":{"code":"not_found","status":404,"detail":"no"}}]}`))
	for _, doc := range wrongMany {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		answers, err := ParseMany(bytes.Clone(doc))
		if err != nil && answers != nil {
			t.Errorf("answers and %v", err)
		}
		for _, a := range answers {
			if a.Err != nil && (a.Value.Len() > 0 || fault.CodeOf(a.Err) == "") {
				t.Errorf("%q is %v", doc, a)
			}
		}
	})
}

// wrongMany are answers to get-many that are none.
var wrongMany = []string{
	``, `[]`, `{"answers":{}}`, `{"answers":[7]}`, `{"answers":[{}]}`, `{"answers":[{"read":null,"problem":null}]}`, `{"answers":[{"read":{"value":"x"}`,
	`{"answers":[{"read":{"value":"x","value_base64":null},"problem":{"code":"denied","status":403,"detail":"no"}}]}`,
	`{"answers":[{"read":{"value":"x"},"problem":null},{"read":null,"problem":{"detail":"without a code"}}]}`,
	`{"answers":[{"read":{"value":"x","value_base64":"eA=="},"problem":null}]}`, `{"answers":[{"read":{"value":7},"problem":null}]}`,
	`{"answers":[{"read":{"value":"x"},"read":{"value":"y"},"problem":null}]}`,
}

func TestWrongManyIsNone(t *testing.T) {
	t.Parallel()
	for _, doc := range wrongMany {
		if answers, err := ParseMany([]byte(doc)); err == nil || answers != nil {
			t.Errorf("%s is %v", doc, answers)
		}
	}
}

// TestGetManyByHand: the request of get-many is client.GetManyRequest.
func TestGetManyByHand(t *testing.T) {
	t.Parallel()
	want := []keeper.GetRequest{{Ref: keeper.Ref{Name: "a"}}, {Ref: keeper.Ref{Name: "b", Version: 2}, Field: "x", Door: "run"}}
	var b jsonstream.Builder
	AppendGetMany(&b, want)
	doc, err := b.Built()
	if err != nil {
		t.Fatal(err)
	}
	var shape client.GetManyRequest
	if err := UnmarshalRequest(doc, &shape); err != nil {
		t.Fatal(err)
	}
	if got, err := ToGetMany(shape); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v is %s is %+v, %v", want, doc, got, err)
	}
	for _, n := range []int{0, MaxMany + 1} {
		if _, err := ToGetMany(client.GetManyRequest{Requests: make([]client.GetRequest, n)}); !errors.Is(err, fault.Usage) {
			t.Errorf("%d requests: %v", n, err)
		}
	}
}

// TestBodies: a body with its value in bytes has the members of the public shape, in both directions.
func TestBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, shape any }{
		{&SetBody{}, &client.SetRequest{}}, {&RotateBody{}, &client.RotateRequest{}}, {&EntryBody{}, &client.ImportEntry{}},
	} {
		for _, value := range []string{`"value":"a \"text\""`, `"value_base64":"//4="`} {
			doc := `{"name":"a",` + value + `}`
			if err := UnmarshalRequest([]byte(doc), c.body); err != nil {
				t.Fatal(err)
			}
			b, err := MarshalRequest(c.body)
			if err != nil {
				t.Fatal(err)
			}
			c.shape = reflect.New(reflect.TypeOf(c.shape).Elem()).Interface()
			if err := UnmarshalRequest(b, c.shape); err != nil {
				t.Fatalf("%T does not read %s: %v", c.shape, b, err)
			}
			plain, err := MarshalRequest(c.shape)
			if err != nil {
				t.Fatal(err)
			}
			var x, y map[string]any
			if json.Unmarshal(b, &x) != nil || json.Unmarshal(plain, &y) != nil || !reflect.DeepEqual(x, y) || !strings.Contains(string(b), value) {
				t.Errorf("%T is %s, %T is %s", c.body, b, c.shape, plain)
			}
			c.body = reflect.New(reflect.TypeOf(c.body).Elem()).Interface()
		}
	}
}
