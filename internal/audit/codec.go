package audit

import "time"

func appendRecord(b []byte, r *Record) []byte {
	f := fields{b: append(b, '{')}
	f.key("time")
	f.b = append(f.b, '"')
	f.b = r.Time.UTC().AppendFormat(f.b, time.RFC3339Nano)
	f.b = append(f.b, '"')
	f.textIf("stage", string(r.Stage))
	f.unsignedIf("of", r.Of)
	f.unsignedIf("revision", r.Revision)
	f.text("principal", r.Principal)
	f.textIf("door", r.Door)
	f.number("uid", int64(r.UID))
	f.numberIf("pid", int64(r.PID))
	f.textIf("executable", r.Executable)
	f.text("action", r.Action)
	f.object("object", func(f *fields) {
		f.text("kind", r.Object.Kind)
		f.textIf("id", r.Object.ID)
		f.textIf("name", r.Object.Name)
		f.numberIf("version", int64(r.Object.Version))
		f.textIf("scope", r.Object.Scope)
	})
	f.textIf("provider", r.Provider)
	f.text("result", string(r.Result))
	f.textIf("reason", r.Reason)
	f.textIf("policy", r.Policy)
	if q := r.Request; q != nil {
		f.object("request", func(f *fields) {
			f.text("method", q.Method)
			f.text("path", q.Path)
			f.number("status", int64(q.Status))
			f.number("bytes_up", q.BytesUp)
			f.number("bytes_down", q.BytesDown)
			f.number("redactions", int64(q.Redactions))
			f.number("duration_ms", q.DurationMS)
			f.text("credential", q.Credential)
		})
	}
	return append(f.b, '}')
}

// record reads a record and the spaces behind it. Fields that it does not know are skipped: a newer tacit may add some.
func (d *decoder) record(b []byte) (r Record, err error) {
	d.b, d.i = b, 0
	err = d.object(0, func(key []byte) error { return d.field(&r, key) })
	for err == nil && d.i < len(d.b) {
		err = d.eat(' ')
	}
	return r, err
}

func (d *decoder) field(r *Record, key []byte) error {
	switch string(key) {
	case "time":
		return d.time(&r.Time)
	case "stage":
		return word(d, &r.Stage)
	case "of":
		return d.unsigned(&r.Of)
	case "revision":
		return d.unsigned(&r.Revision)
	case "principal":
		return word(d, &r.Principal)
	case "door":
		return word(d, &r.Door)
	case "uid":
		return number(d, &r.UID)
	case "pid":
		return number(d, &r.PID)
	case "executable":
		return word(d, &r.Executable)
	case "action":
		return word(d, &r.Action)
	case "object":
		return d.object(1, func(key []byte) error { return d.objectField(&r.Object, key) })
	case "provider":
		return word(d, &r.Provider)
	case "result":
		return word(d, &r.Result)
	case "reason":
		return text(d, &r.Reason)
	case "policy":
		return word(d, &r.Policy)
	case "request":
		r.Request = new(Request)
		return d.object(1, func(key []byte) error { return d.requestField(r.Request, key) })
	}
	return d.skip(1)
}

func (d *decoder) objectField(o *Object, key []byte) error {
	switch string(key) {
	case "kind":
		return word(d, &o.Kind)
	case "id":
		return text(d, &o.ID)
	case "name":
		return text(d, &o.Name)
	case "version":
		return number(d, &o.Version)
	case "scope":
		return word(d, &o.Scope)
	}
	return d.skip(2)
}

func (d *decoder) requestField(q *Request, key []byte) error {
	switch string(key) {
	case "method":
		return word(d, &q.Method)
	case "path":
		return text(d, &q.Path)
	case "status":
		return number(d, &q.Status)
	case "bytes_up":
		return number(d, &q.BytesUp)
	case "bytes_down":
		return number(d, &q.BytesDown)
	case "redactions":
		return number(d, &q.Redactions)
	case "duration_ms":
		return number(d, &q.DurationMS)
	case "credential":
		return word(d, &q.Credential)
	}
	return d.skip(2)
}

func (d *decoder) time(to *time.Time) error {
	raw, err := d.raw()
	if err == nil {
		err = to.UnmarshalText(raw)
		*to = to.UTC()
	}
	return err
}
