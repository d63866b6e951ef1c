package client

import "time"

// The shapes of this file hold a secret's value; no other does but [SlotAdded], for a recovery phrase.
// A value that is not UTF-8 stands in ValueBase64 and Value is null.

// Got is the answer to get.
type Got struct {
	Name        string  `json:"name"`
	Provider    string  `json:"provider"`
	Scope       string  `json:"scope"`
	Version     int     `json:"version"`
	Field       *string `json:"field"`
	Value       *string `json:"value"`
	ValueBase64 *string `json:"value_base64"`
}

// Card is the answer to show; a value only with --reveal.
type Card struct {
	Secret      Secret  `json:"secret"`
	Masked      *string `json:"masked"` // null when sealed or shorter than 16 bytes
	Value       *string `json:"value"`
	ValueBase64 *string `json:"value_base64"`
}

// Generated is the answer to generate --print.
type Generated struct {
	Changed
	Value *string `json:"value"`
}

// Metadata is the answer to export --format json without values.
type Metadata struct {
	Format     int       `json:"format"`
	ExportedAt time.Time `json:"exported_at"`
	Secrets    []Secret  `json:"secrets"`
	Total      int       `json:"total"`
}
