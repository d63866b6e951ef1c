package gcpsecrets

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tacit/internal/name"
	"tacit/internal/provider"
)

// pageSize is how many the store is asked to list at once; it may list fewer.
const pageSize = 1000

// pages calls ask with the query of each page until there are no more. ask returns the token of the next page.
func (s *store) pages(ask func(query url.Values) (next string, err error)) error {
	last := ""
	for {
		query := url.Values{"pageSize": {strconv.Itoa(pageSize)}}
		if last != "" {
			query.Set("pageToken", last)
		}
		switch next, err := ask(query); {
		case err != nil:
			return err
		case next == "":
			return nil
		case next == last:
			return s.lie("the list")
		default:
			last = next
		}
	}
}

// List implements [provider.Provider]. Secrets whose ids are no names of tacit's are left out.
func (s *store) List(ctx context.Context, each func(provider.Item) error) error {
	return s.pages(func(query url.Values) (string, error) {
		var out struct {
			Next    string `json:"nextPageToken"`
			Secrets []struct {
				Name    string    `json:"name"` // "projects/123/secrets/NAME"
				Created time.Time `json:"createTime"`
				Expires time.Time `json:"expireTime"`
			} `json:"secrets"`
		}
		if err := s.api.do(ctx, call{what: "list", query: query}, &out); err != nil {
			return "", err
		}
		for _, x := range out.Secrets {
			n := x.Name[strings.LastIndexByte(x.Name, '/')+1:]
			if name.Problem(n) != "" {
				continue
			}
			if err := each(provider.Item{Name: n, CreatedAt: x.Created, ExpiresAt: x.Expires}); err != nil {
				return "", err
			}
		}
		return out.Next, nil
	})
}

// Versions implements [provider.Versioner]. Those that were destroyed have no value any more and are left out; disabled ones are listed.
func (s *store) Versions(ctx context.Context, secretName string) ([]provider.Item, error) {
	if err := provider.CheckName(s.name, secretName); err != nil {
		return nil, err
	}
	if !holds(secretName) {
		return nil, provider.NotFound(s.name, secretName)
	}
	c := call{what: "list the versions of " + secretName, path: "/" + secretName + "/versions"}
	var items []provider.Item
	err := s.pages(func(query url.Values) (string, error) {
		var out struct {
			Next     string `json:"nextPageToken"`
			Versions []struct {
				Name    string    `json:"name"`
				State   string    `json:"state"`
				Created time.Time `json:"createTime"`
			} `json:"versions"`
		}
		c.query = query
		if err := s.api.do(ctx, c, &out); err != nil {
			return "", err
		}
		for _, v := range out.Versions {
			number, ok := versionOf(v.Name, secretName)
			if !ok {
				return "", s.lie(secretName)
			}
			if v.State != "DESTROYED" {
				items = append(items, provider.Item{Name: secretName, Version: number, CreatedAt: v.Created})
			}
		}
		return out.Next, nil
	})
	if err != nil {
		return nil, s.because(err, secretName, "")
	}
	return items, nil // Google lists the newest first
}
