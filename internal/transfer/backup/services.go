package backup

import (
	"tacit/internal/fault"
	"tacit/internal/transfer/jsonstream"
)

// Services are what a vault knows about using services: JSON objects, as docs/format.md has them under "The broker". What they mean is
// for those who know services.
type Services struct {
	Services, Credentials, Bindings, Limits [][]byte
}

// lists are the members of the document, in their order.
func (s *Services) lists() []serviceList {
	return []serviceList{{"services", &s.Services}, {"credentials", &s.Credentials}, {"bindings", &s.Bindings}, {"limits", &s.Limits}}
}

type serviceList struct {
	member string
	of     *[][]byte
}

// What a backup may hold of them (I08): of each kind so many, and so many bytes together.
const (
	maxRecords      = 100_000
	maxRecordsBytes = 256 << 20
	maxRecord       = jsonstream.MaxToken - 16 // with what stands before it
)

// Services sets what Close writes between the secrets and the policies. Each object is one line.
func (w *Writer) Services(s Services) { w.services = s }

// writeServices writes the lists: their members and the commas behind them.
func (w *Writer) writeServices() error {
	for _, l := range w.services.lists() {
		before := `"` + l.member + `":[`
		for i, object := range *l.of {
			if i == maxRecords || len(object) > maxRecord {
				return fault.New(fault.Failed, "the %s are more than a backup can hold", l.member)
			}
			b := &w.b
			b.Reset()
			b.Object(object)
			if err := w.put(before+"\n", ""); err != nil {
				return err
			}
			before = ","
		}
		if before == "," {
			before = "\n"
		}
		_, _ = w.w.WriteString(before + "],") // an error stays with w.w
	}
	return nil
}

// Services returns what stands between the secrets and the policies, once Next has returned io.EOF.
func (b *Reader) Services() Services { return b.services }

// readServices reads the lists, and the key behind them, which must be policies.
func (b *Reader) readServices() error {
	b.d.Budget(maxRecordsBytes)
	for _, l := range b.services.lists() {
		key, err := b.next()
		if err != nil {
			return err
		}
		if key == "policies" && l.member == "limits" {
			return nil // of a tacit that had none
		}
		if key != l.member {
			return b.d.Errorf("expected the field %s", l.member)
		}
		if *l.of, err = b.readObjects(l.member); err != nil {
			return err
		}
	}
	return b.key("policies")
}

func (b *Reader) readObjects(what string) (all [][]byte, err error) {
	if err := b.d.Open('[', what); err != nil {
		return nil, err
	}
	for {
		if more, err := b.d.More(); err != nil || !more {
			return all, err
		}
		if len(all) == maxRecords {
			return nil, b.d.Errorf("it has more than %d %s", maxRecords, what)
		}
		object, err := b.d.Object(what)
		if err != nil {
			return nil, err
		}
		all = append(all, object)
	}
}
