package onepassword

import (
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An overview is an item as lists have it: without fields.
type overview struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	State   string   `json:"state"` // ARCHIVED and DELETED ones can be brought back; empty otherwise
	Version int      `json:"version"`
	Tags    []string `json:"tags"`
	Vault   struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"vault"`
	// Connect and op spell times differently.
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	OpCreatedAt time.Time `json:"created_at"`
	OpUpdatedAt time.Time `json:"updated_at"`
}

// here reports whether the item is in use, and not in the archive.
func (o overview) here() bool { return o.State == "" || o.State == "ACTIVE" }

func (o overview) created() time.Time {
	if o.CreatedAt.IsZero() {
		return o.OpCreatedAt
	}
	return o.CreatedAt
}

func (o overview) updated() time.Time {
	if o.UpdatedAt.IsZero() {
		return o.OpUpdatedAt
	}
	return o.UpdatedAt
}

// An item is one with its fields. Members that we do not know go back as they came.
type item struct {
	overview

	members map[string]jsontext.Value
	fields  []map[string]jsontext.Value
}

// field is what we look at of a field.
type field struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Purpose string `json:"purpose"`
	Value   string `json:"value"`
}

var (
	errNoItem  = errors.New("the answer is no item")
	errNoField = errors.New("the item has no password, no credential and not exactly one concealed field")
)

// parseItem reads an item. Strictly: a member that comes twice, or half of a surrogate pair, could be another value than what was kept.
func parseItem(text []byte) (*item, error) {
	it := &item{}
	if json.Unmarshal(text, &it.overview) != nil || json.Unmarshal(text, &it.members) != nil || it.ID == "" || it.Title == "" {
		return nil, errNoItem
	}
	if raw, ok := it.members["fields"]; ok && json.Unmarshal(raw, &it.fields) != nil {
		return nil, errNoItem
	}
	return it, nil
}

// secretField returns the place of the field that holds the secret, and its value.
func (it *item) secretField() (int, string, error) {
	fields := make([]field, len(it.fields))
	concealed := 0
	for i, f := range it.fields {
		for member, to := range map[string]*string{"id": &fields[i].ID, "type": &fields[i].Type, "purpose": &fields[i].Purpose, "value": &fields[i].Value} {
			if raw, ok := f[member]; ok && json.Unmarshal(raw, to) != nil {
				return 0, "", errNoItem
			}
		}
		if fields[i].Type == "CONCEALED" {
			concealed++
		}
	}
	for _, is := range []func(field) bool{
		func(f field) bool { return f.Purpose == "PASSWORD" },
		func(f field) bool { return f.ID == "password" },
		func(f field) bool { return f.ID == "credential" },
		func(f field) bool { return f.Type == "CONCEALED" && concealed == 1 },
	} {
		if i := slices.IndexFunc(fields, is); i >= 0 {
			return i, fields[i].Value, nil
		}
	}
	return 0, "", errNoField
}

// setSecret returns the item with another value, as JSON.
func (it *item) setSecret(value string) ([]byte, error) {
	i, _, err := it.secretField()
	if err != nil {
		return nil, err
	}
	if it.fields[i]["value"], err = json.Marshal(value); err != nil {
		return nil, err
	}
	if it.members["fields"], err = json.Marshal(it.fields); err != nil {
		return nil, err
	}
	return json.Marshal(it.members, json.Deterministic(true))
}

// newItem returns a new item of category Password, as JSON. vaultID may be empty.
func newItem(vaultID, title, value string) ([]byte, error) {
	template := map[string]any{
		"title":    title,
		"category": "PASSWORD",
		"fields":   []map[string]string{{"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password", "value": value}},
	}
	if vaultID != "" {
		template["vault"] = map[string]string{"id": vaultID}
	}
	return json.Marshal(template, json.Deterministic(true))
}
