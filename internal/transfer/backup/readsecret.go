package backup

import (
	"encoding/base64"
	"time"

	"tacit/internal/fault"
	"tacit/internal/secret"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/when"
)

// maxItems bounds each list of a secret but its versions, which maxSecret bounds.
const maxItems = 10_000

// secretFields are the members of a secret; all must be there, in any order.
const secretFields = 14

// versionFields are the members of a version; all must be there, value or value_base64 counting as one.
const versionFields = 8

func (b *Reader) readSecret() (Secret, error) {
	var s Secret
	d := b.d
	if err := readObject(d, "a secret", secretFields, func(key string) error { return secretField(d, &s, key) }); err != nil {
		return s, err
	}
	if err := s.check(); err != nil {
		return s, atLine(d, err)
	}
	if !b.first("id", s.ID) {
		return s, d.Errorf("duplicate id of %q", s.Name)
	}
	for _, n := range append([]string{s.Name}, s.Aliases...) {
		if !b.first("name", s.Scope+"\x00"+n) {
			return s, d.Errorf("duplicate name %q", n)
		}
	}
	return s, nil
}

func secretField(d *jsonstream.Reader, s *Secret, key string) (err error) {
	switch key {
	case "id":
		s.ID, err = d.Text(key)
	case "name":
		s.Name, err = d.Text(key)
	case "scope":
		s.Scope, err = d.Text(key)
	case "exposure":
		s.Exposure, err = d.Text(key)
	case "pin":
		s.Pin, err = textOrNull(d, key)
	case "tags":
		s.Tags, err = readTexts(d, key)
	case "aliases":
		s.Aliases, err = readTexts(d, key)
	case "groups":
		s.Groups, err = readTexts(d, key)
	case "owner":
		s.Owner, err = textOrNull(d, key)
	case "note":
		s.Note, err = textOrNull(d, key)
	case "created_at":
		s.CreatedAt, err = readTime(d, key)
	case "updated_at":
		s.UpdatedAt, err = readTime(d, key)
	case "rotate_every":
		s.RotateEvery, err = readDuration(d, key)
	case "versions":
		err = readList(d, key, func() error {
			var v Version
			err := readObject(d, "a version", versionFields, func(key string) error { return versionField(d, &v, key) })
			s.Versions = append(s.Versions, v)
			return err
		})
	default:
		err = d.Errorf("unknown field %q of a secret", clip(key))
	}
	return err
}

func versionField(d *jsonstream.Reader, v *Version, key string) (err error) {
	switch key {
	case "version":
		v.Version, err = d.Int(key)
	case "via":
		v.Via, err = d.Text(key)
	case "principal":
		v.Principal, err = d.Text(key)
	case "created_at":
		v.CreatedAt, err = readTime(d, key)
	case "valid_until":
		v.ValidUntil, err = timeOrNull(d, key)
	case "expires_at":
		v.ExpiresAt, err = timeOrNull(d, key)
	case "from_version":
		v.FromVersion, err = intOrNull(d, key)
	case "value", "value_base64":
		var text []byte
		if text, err = d.Bytes(key); err == nil && key == "value_base64" {
			text, err = decodeBase64(d, text)
		}
		v.Value = secret.New(text)
	default:
		err = d.Errorf("unknown field %q of a version", clip(key))
	}
	return err
}

// readObject calls field for each member. Their number must be count and none may come twice, so none is missing.
func readObject(d *jsonstream.Reader, what string, count int, field func(key string) error) error {
	if err := d.Open('{', what); err != nil {
		return err
	}
	var seen [16]string
	n := 0
	for {
		more, err := d.More()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := d.Field()
		if err != nil {
			return err
		}
		for _, k := range seen[:n] {
			if k == key || k == "value" && key == "value_base64" || k == "value_base64" && key == "value" {
				return d.Errorf("duplicate field %q of %s", clip(key), what)
			}
		}
		if n == count {
			return d.Errorf("unknown field %q of %s", clip(key), what)
		}
		seen[n] = key
		n++
		if err := field(key); err != nil {
			return err
		}
	}
	if n != count {
		return d.Errorf("%s lacks %d of its fields", what, count-n)
	}
	return nil
}

func readList(d *jsonstream.Reader, what string, item func() error) error {
	if err := d.Open('[', what); err != nil {
		return err
	}
	for {
		more, err := d.More()
		if err != nil || !more {
			return err
		}
		if err := item(); err != nil {
			return err
		}
	}
}

func readTexts(d *jsonstream.Reader, what string) ([]string, error) {
	list := []string{}
	err := readList(d, what, func() error {
		if len(list) == maxItems {
			return d.Errorf("%s has more than %d items", what, maxItems)
		}
		s, err := d.Text("an item of " + what)
		list = append(list, s)
		return err
	})
	return list, err
}

func textOrNull(d *jsonstream.Reader, what string) (*string, error) {
	if null, err := d.Null(); null || err != nil {
		return nil, err
	}
	s, err := d.Text(what)
	return &s, err
}

func intOrNull(d *jsonstream.Reader, what string) (*int, error) {
	if null, err := d.Null(); null || err != nil {
		return nil, err
	}
	n, err := d.Int(what)
	return &n, err
}

func timeOrNull(d *jsonstream.Reader, what string) (*time.Time, error) {
	if null, err := d.Null(); null || err != nil {
		return nil, err
	}
	t, err := readTime(d, what)
	return &t, err
}

func readTime(d *jsonstream.Reader, what string) (time.Time, error) {
	s, err := d.Text(what)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Year() > 9999 || t.UTC().Year() < 0 {
		return time.Time{}, d.Errorf("%s is not a time", what)
	}
	return t.UTC(), nil
}

func readDuration(d *jsonstream.Reader, what string) (time.Duration, error) {
	s, err := textOrNull(d, what)
	if err != nil || s == nil {
		return 0, err
	}
	every, err := when.Duration(*s)
	if err != nil {
		return 0, atLine(d, err)
	}
	return every, nil
}

func decodeBase64(d *jsonstream.Reader, text []byte) ([]byte, error) {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(b, text)
	if err != nil {
		return nil, d.Errorf("value_base64 is not base64")
	}
	return b[:n], nil
}

// atLine says where err arose.
func atLine(d *jsonstream.Reader, err error) error {
	return fault.Wrap(fault.Corrupted, err, "line %d", d.Line())
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
