package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecordsAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown fields":  `{"later":{"a":[1,{"b":null}],"c":true,"d":[],"e":{}},"time":"2026-03-01T12:00:00Z","uid":-1,"x":-1.5e3,"action":"read","object":{"kind":"slot","new":false}}`,
		"escapes":         `{"time":"2026-03-01T12:00:00.5Z","principal":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x","object":{}}`,
		"other time zone": `{"time":"2026-03-01T12:00:00+02:00"}`,
		"spaces behind":   `{"revision":18446744073709551615}   `,
		"empty":           `{}`,
	} {
		var d decoder
		got, err := d.record([]byte(text))
		var want Record
		if e := json.Unmarshal([]byte(text), &want); e != nil {
			t.Fatal(e)
		}
		want.Time = want.Time.UTC()
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got))
		}
	}
	for name, text := range map[string]string{
		"nothing": ``, "array": `[]`, "open": `{"uid":1`, "no value": `{"uid":}`, "half a string": `{"door":"x`, "behind": `{}x`, "no key": `{1:2}`,
		"deep": strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40), "fraction": `{"uid":1.5}`, "time": `{"time":"today"}`, "comma": `{"uid":1,}`,
		"escape": `{"door":"\x"}`, "control": "{\"door\":\"\n\"}", "too large": `{"of":18446744073709551616}`, "word": `{"a":nil}`, "deep arrays": `{"a":` + strings.Repeat(`[`, 40),
	} {
		var d decoder
		if r, err := d.record([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %+v", name, r)
		}
	}
}

// FuzzRecord: what is written is read back, by us and by encoding/json alike.
func FuzzRecord(f *testing.F) {
	f.Add("user/ana", "prod/db", "reason", int64(0), uint64(1), -1, true)
	f.Add("\"\\\x00\x7f\u2028", "\xff\xfe", "<&>é😀", int64(1)<<40, uint64(1)<<63, 1<<40, false)
	f.Fuzz(func(t *testing.T, principal, name, reason string, nanos int64, revision uint64, n int, request bool) {
		r := Record{
			Time: time.Unix(0, nanos).UTC(), Stage: Intent, Of: revision / 2, Revision: revision, Principal: principal, UID: n, PID: n,
			Action: reason, Object: Object{Kind: principal, ID: name, Name: name, Version: n}, Result: Denied, Reason: reason,
		}
		if request {
			r.Request = &Request{Method: name, Path: reason, Status: n, BytesUp: nanos}
		}
		text := appendRecord(nil, &r)
		var theirs Record
		if err := json.Unmarshal(text, &theirs); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		var d decoder
		for range 2 { // the second time out of the words it has seen
			ours, err := d.record(text)
			if err != nil || !cmp.Equal(theirs, ours) {
				t.Fatalf("%v\n%s\n%s", err, text, cmp.Diff(theirs, ours))
			}
		}
	})
}

// FuzzRecordText: whatever is read, and read by encoding/json too, is read the same.
func FuzzRecordText(f *testing.F) {
	f.Add([]byte(`{"time":"2026-03-01T12:00:00Z","stage":"intent","revision":2,"uid":1,"object":{"kind":"secret","version":3},"request":{"status":200}}  `))
	f.Add([]byte(`{"a":[{"b":"c\u00e9"},null,true,-1e5],"of":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var d decoder
		ours, err := d.record(text)
		if err != nil {
			return
		}
		again, err := d.record(appendRecord(nil, &ours))
		if err != nil || !cmp.Equal(ours, again) {
			t.Fatalf("%v\n%s", err, cmp.Diff(ours, again))
		}
	})
}
