package providertest

import "tacit/internal/settings"

// Table returns settings of keys and values in turn, as if they stood in line 2 of tacit.yaml. A value is a string, a []string or
// a *settings.Table.
func Table(pairs ...any) *settings.Table {
	t := &settings.Table{Place: settings.Place{File: "tacit.yaml", Line: 1}}
	at := settings.Place{File: "tacit.yaml", Line: 2}
	for i := 0; i+1 < len(pairs); i += 2 {
		v := settings.Value{Place: at}
		switch x := pairs[i+1].(type) {
		case string:
			v.Text = x
		case []string:
			v.List = []settings.Value{}
			for _, text := range x {
				v.List = append(v.List, settings.Value{Place: at, Text: text})
			}
		case *settings.Table:
			v.Table = x
		}
		t.Members = append(t.Members, settings.Member{Key: pairs[i].(string), Value: v})
	}
	return t
}
