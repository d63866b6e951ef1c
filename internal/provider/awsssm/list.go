package awsssm

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/provider"
)

// How many parameters the store lists at once, and versions.
const (
	pageSize    = 10
	historySize = 50
)

// List implements [provider.Provider]. Parameters whose names are none of tacit's are left out. Nothing is decrypted; the values of plain
// Strings come along with AWS's answer, and are dropped.
func (s *store) List(ctx context.Context, each func(provider.Item) error) error {
	in := struct {
		Path           string `json:"Path"`
		Recursive      bool   `json:"Recursive"`
		WithDecryption bool   `json:"WithDecryption"`
		MaxResults     int    `json:"MaxResults"`
		NextToken      string `json:"NextToken,omitzero"`
	}{Path: s.prefix, Recursive: true, MaxResults: pageSize}
	if s.prefix != "/" {
		in.Path = strings.TrimSuffix(s.prefix, "/")
	}
	for {
		var out struct {
			NextToken  string      `json:"NextToken"`
			Parameters []parameter `json:"Parameters"`
		}
		if err := s.api.Call(ctx, "list", "GetParametersByPath", in, &out); err != nil {
			return err
		}
		for _, p := range out.Parameters {
			n, ours := strings.CutPrefix(p.Name, s.prefix)
			if !ours || name.Problem(n) != "" {
				continue
			}
			if err := each(provider.Item{Name: n, Version: strconv.FormatInt(p.Version, 10), UpdatedAt: p.Modified.Time()}); err != nil {
				return err
			}
		}
		if out.NextToken == "" {
			return nil
		}
		if out.NextToken == in.NextToken {
			return s.lie("the list")
		}
		in.NextToken = out.NextToken
	}
}

// Versions implements [provider.Versioner].
func (s *store) Versions(ctx context.Context, secretName string) ([]provider.Item, error) {
	if err := provider.CheckName(s.name, secretName); err != nil {
		return nil, err
	}
	if s.holds(secretName) != "" {
		return nil, provider.NotFound(s.name, secretName)
	}
	in := struct {
		Name           string `json:"Name"`
		WithDecryption bool   `json:"WithDecryption"`
		MaxResults     int    `json:"MaxResults"`
		NextToken      string `json:"NextToken,omitzero"`
	}{Name: s.prefix + secretName, MaxResults: historySize}
	var all []parameter
	for {
		var out struct {
			NextToken  string      `json:"NextToken"`
			Parameters []parameter `json:"Parameters"`
		}
		if err := s.api.Call(ctx, "list the versions of "+secretName, "GetParameterHistory", in, &out); err != nil {
			return nil, s.because(err, secretName, "")
		}
		for _, p := range out.Parameters {
			if p.Name != in.Name || p.Version < 1 {
				return nil, s.lie(secretName)
			}
			all = append(all, p)
		}
		if out.NextToken == "" {
			break
		}
		if out.NextToken == in.NextToken {
			return nil, s.lie(secretName)
		}
		in.NextToken = out.NextToken
	}
	order.By(all, func(a, b parameter) int { return cmp.Compare(b.Version, a.Version) })
	items := make([]provider.Item, len(all))
	for i, p := range all {
		items[i] = provider.Item{Name: secretName, Version: strconv.FormatInt(p.Version, 10), CreatedAt: p.Modified.Time()}
	}
	return items, nil
}
