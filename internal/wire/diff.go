package wire

import (
	"time"

	"tacit/client"
)

// RestoreFields gives the two sides of each difference the types that keeper gave them, where JSON left text and lists of anything.
func RestoreFields(fields []client.FieldDiff) {
	for i := range fields {
		f := &fields[i]
		f.A, f.B = restore(f.Field, f.A), restore(f.Field, f.B)
	}
}

func restore(field string, v any) any {
	switch field {
	case "tags", "aliases", "groups":
		items, _ := v.([]any)
		list := make([]string, 0, len(items))
		for _, item := range items {
			s, _ := item.(string)
			list = append(list, s)
		}
		return list
	case "owner", "note", "rotate_every":
		s, ok := v.(string)
		if !ok {
			return (*string)(nil)
		}
		return &s
	case "expires_at":
		s, _ := v.(string)
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return (*time.Time)(nil)
		}
		return &t
	}
	return v
}
