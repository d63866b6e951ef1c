package awssecrets

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/provider"
	"tacit/internal/provider/awsapi"
)

// pageSize is how many the store is asked to list at once; it may list fewer.
const pageSize = 100

// List implements [provider.Provider]. Secrets whose names are none of tacit's, and those marked for deletion, are left out.
func (s *store) List(ctx context.Context, each func(provider.Item) error) error {
	type filter struct {
		Key    string   `json:"Key"`
		Values []string `json:"Values"`
	}
	in := struct {
		MaxResults int      `json:"MaxResults"`
		NextToken  string   `json:"NextToken,omitzero"`
		Filters    []filter `json:"Filters,omitempty"`
	}{MaxResults: pageSize}
	if s.prefix != "" {
		in.Filters = []filter{{"name", []string{s.prefix}}}
	}
	for {
		var out struct {
			NextToken  string `json:"NextToken"`
			SecretList []struct {
				Name            string              `json:"Name"`
				CreatedDate     awsapi.Epoch        `json:"CreatedDate"`
				LastChangedDate awsapi.Epoch        `json:"LastChangedDate"`
				DeletedDate     awsapi.Epoch        `json:"DeletedDate"`
				Stages          map[string][]string `json:"SecretVersionsToStages"`
			} `json:"SecretList"`
		}
		if err := s.api.Call(ctx, "list", "ListSecrets", in, &out); err != nil {
			return err
		}
		for _, x := range out.SecretList {
			n, ours := strings.CutPrefix(x.Name, s.prefix)
			if !ours || name.Problem(n) != "" || x.DeletedDate != 0 {
				continue
			}
			it := provider.Item{Name: n, CreatedAt: x.CreatedDate.Time(), UpdatedAt: x.LastChangedDate.Time()}
			for id, stages := range x.Stages {
				if slices.Contains(stages, "AWSCURRENT") {
					it.Version = id
				}
			}
			if err := each(it); err != nil {
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

// Versions implements [provider.Versioner]: all that AWS still keeps, those without a staging label too.
func (s *store) Versions(ctx context.Context, secretName string) ([]provider.Item, error) {
	if err := provider.CheckName(s.name, secretName); err != nil {
		return nil, err
	}
	type version struct {
		provider.Item
		rank int // 2: current, 1: previous
	}
	in := struct {
		SecretID          string `json:"SecretId"`
		IncludeDeprecated bool   `json:"IncludeDeprecated"`
		MaxResults        int    `json:"MaxResults"`
		NextToken         string `json:"NextToken,omitzero"`
	}{s.prefix + secretName, true, pageSize, ""}
	var all []version
	for {
		var out struct {
			Name      string `json:"Name"`
			NextToken string `json:"NextToken"`
			Versions  []struct {
				VersionID   string       `json:"VersionId"`
				Stages      []string     `json:"VersionStages"`
				CreatedDate awsapi.Epoch `json:"CreatedDate"`
			} `json:"Versions"`
		}
		if err := s.api.Call(ctx, "list the versions of "+secretName, "ListSecretVersionIds", in, &out); err != nil {
			return nil, s.because(err, secretName, "")
		}
		if out.Name != in.SecretID || in.NextToken != "" && out.NextToken == in.NextToken {
			return nil, s.lie(secretName)
		}
		for _, v := range out.Versions {
			it := version{Item: provider.Item{Name: secretName, Version: v.VersionID, CreatedAt: v.CreatedDate.Time()}}
			switch {
			case slices.Contains(v.Stages, "AWSCURRENT"):
				it.rank = 2
			case slices.Contains(v.Stages, "AWSPREVIOUS"):
				it.rank = 1
			}
			all = append(all, it)
		}
		if out.NextToken == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	// The time first; what was made within one tick by its label, else as AWS lists it: the oldest first.
	slices.Reverse(all)
	order.By(all, func(a, b version) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.rank, a.rank))
	})
	items := make([]provider.Item, len(all))
	for i, v := range all {
		items[i] = v.Item
	}
	return items, nil
}
