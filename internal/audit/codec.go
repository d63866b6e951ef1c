package audit

import (
	"strings"

	"tacit/internal/flatjson"
)

func appendRecord(b []byte, r *Record) []byte {
	f := flatjson.Begin(b)
	f.Time("time", r.Time.UTC())
	f.TextIf("stage", string(r.Stage))
	f.UnsignedIf("of", r.Of)
	f.UnsignedIf("revision", r.Revision)
	f.Text("principal", r.Principal)
	f.TextIf("door", r.Door)
	f.Number("uid", int64(r.UID))
	f.NumberIf("pid", int64(r.PID))
	f.TextIf("executable", r.Executable)
	f.Text("action", r.Action)
	f.Object("object", func(f *flatjson.Writer) {
		f.Text("kind", r.Object.Kind)
		f.TextIf("id", r.Object.ID)
		f.TextIf("name", r.Object.Name)
		f.NumberIf("version", int64(r.Object.Version))
		f.TextIf("scope", r.Object.Scope)
	})
	f.TextIf("provider", r.Provider)
	f.Text("result", string(r.Result))
	f.TextIf("reason", r.Reason)
	f.TextIf("policy", r.Policy)
	if q := r.Request; q != nil {
		f.Object("request", func(f *flatjson.Writer) {
			f.Text("method", q.Method)
			f.Text("path", q.Path)
			f.Number("status", int64(q.Status))
			f.Number("bytes_up", q.BytesUp)
			f.Number("bytes_down", q.BytesDown)
			f.Number("redactions", int64(q.Redactions))
			f.Number("duration_ms", q.DurationMS)
			f.Text("credential", q.Credential)
		})
	}
	return f.End()
}

// decoder reads records. Equal strings in them share their memory: most records repeat the same few.
type decoder struct{ flatjson.Reader }

// record reads a record and the spaces behind it. Fields that it does not know are skipped: a newer tacit may add some.
func (d *decoder) record(b []byte) (r Record, err error) {
	rest, err := d.Read(b, func(key []byte) error { return d.field(&r, key) })
	if err == nil && strings.Trim(string(rest), " ") != "" {
		err = flatjson.ErrSyntax
	}
	return r, err
}

func (d *decoder) field(r *Record, key []byte) error {
	switch string(key) {
	case "time":
		err := flatjson.Time(&d.Reader, &r.Time)
		r.Time = r.Time.UTC()
		return err
	case "stage":
		return flatjson.Word(&d.Reader, &r.Stage)
	case "of":
		return flatjson.Unsigned(&d.Reader, &r.Of)
	case "revision":
		return flatjson.Unsigned(&d.Reader, &r.Revision)
	case "principal":
		return flatjson.Word(&d.Reader, &r.Principal)
	case "door":
		return flatjson.Word(&d.Reader, &r.Door)
	case "uid":
		return flatjson.Number(&d.Reader, &r.UID)
	case "pid":
		return flatjson.Number(&d.Reader, &r.PID)
	case "executable":
		return flatjson.Word(&d.Reader, &r.Executable)
	case "action":
		return flatjson.Word(&d.Reader, &r.Action)
	case "object":
		return d.Object(func(key []byte) error { return d.objectField(&r.Object, key) })
	case "provider":
		return flatjson.Word(&d.Reader, &r.Provider)
	case "result":
		return flatjson.Word(&d.Reader, &r.Result)
	case "reason":
		return flatjson.Text(&d.Reader, &r.Reason)
	case "policy":
		return flatjson.Word(&d.Reader, &r.Policy)
	case "request":
		r.Request = new(Request)
		return d.Object(func(key []byte) error { return d.requestField(r.Request, key) })
	}
	return d.Skip()
}

func (d *decoder) objectField(o *Object, key []byte) error {
	switch string(key) {
	case "kind":
		return flatjson.Word(&d.Reader, &o.Kind)
	case "id":
		return flatjson.Text(&d.Reader, &o.ID)
	case "name":
		return flatjson.Text(&d.Reader, &o.Name)
	case "version":
		return flatjson.Number(&d.Reader, &o.Version)
	case "scope":
		return flatjson.Word(&d.Reader, &o.Scope)
	}
	return d.Skip()
}

func (d *decoder) requestField(q *Request, key []byte) error {
	switch string(key) {
	case "method":
		return flatjson.Word(&d.Reader, &q.Method)
	case "path":
		return flatjson.Text(&d.Reader, &q.Path)
	case "status":
		return flatjson.Number(&d.Reader, &q.Status)
	case "bytes_up":
		return flatjson.Number(&d.Reader, &q.BytesUp)
	case "bytes_down":
		return flatjson.Number(&d.Reader, &q.BytesDown)
	case "redactions":
		return flatjson.Number(&d.Reader, &q.Redactions)
	case "duration_ms":
		return flatjson.Number(&d.Reader, &q.DurationMS)
	case "credential":
		return flatjson.Word(&d.Reader, &q.Credential)
	}
	return d.Skip()
}
