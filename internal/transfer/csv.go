package transfer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tacit/internal/keeper"
)

// csvWriter writes a table (RFC 4180, with LF): a header, then one secret a row. With values there are two more columns, and
// sealed secrets are left out; a value that is not UTF-8, or holds a CR, which readers of CSV change, is in the second.
//
// Cells hold exactly what the vault holds. Nothing is put before a '=' or '+' at their beginning: a tool that guards
// spreadsheets against formulas that way changes a value, and a password may begin so. Import the columns as text.
type csvWriter struct {
	w      *bufio.Writer
	csv    *csv.Writer
	values bool
}

func newCSVWriter(w *bufio.Writer, o WriteOptions) (*csvWriter, error) {
	c := &csvWriter{w: w, csv: csv.NewWriter(w), values: o.Values}
	header := []string{
		"name", "provider", "version", "scope", "state", "exposure", "tags", "owner", "note", "created_at", "updated_at", "expires_at", "rotate_every",
	}
	if o.Values {
		header = append(header, "value", "value_base64")
	}
	return c, c.csv.Write(header)
}

// Write implements [Writer].
func (c *csvWriter) Write(x keeper.Exported) error {
	s := x.Secret
	expires := ""
	if s.ExpiresAt != nil {
		expires = csvTime(*s.ExpiresAt)
	}
	row := []string{
		s.Name, s.Provider, strconv.Itoa(s.Version), s.Scope, s.State, s.Exposure, strings.Join(s.Tags, ","), orEmpty(s.Owner), orEmpty(s.Note),
		csvTime(s.CreatedAt), csvTime(s.UpdatedAt), expires, orEmpty(s.RotateEvery),
	}
	if c.values {
		v, ok, err := value(x)
		switch {
		case err != nil || !ok:
			return err
		case utf8.Valid(v) && bytes.IndexByte(v, '\r') < 0:
			row = append(row, string(v), "")
		default:
			row = append(row, "", base64.StdEncoding.EncodeToString(v))
		}
	}
	return c.csv.Write(row)
}

// Close implements [Writer].
func (c *csvWriter) Close() error {
	c.csv.Flush()
	if err := c.csv.Error(); err != nil {
		return err
	}
	return c.w.Flush()
}

func csvTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
