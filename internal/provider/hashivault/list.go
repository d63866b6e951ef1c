package hashivault

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
)

// list calls each with the name of every entry below the prefix: in the folder, then in those that it holds. root is where the version
// of the engine lists. Entries whose names are none of tacit's are left out.
func (v *conn) list(ctx context.Context, root, folder string, each func(provider.Item) error) error {
	path := strings.TrimSuffix(root+v.prefix+folder, "/")
	answer, err := v.call(ctx, "list", http.MethodGet, path, url.Values{"list": {"true"}}, nil)
	if err != nil {
		return err
	}
	if answer.missing { // an empty folder is none
		return v.confirm(ctx)
	}
	var found struct {
		Keys []string `json:"keys"`
	}
	if json.Unmarshal(answer.Data, &found) != nil || found.Keys == nil {
		return provider.Errorf(fault.Unavailable, v.name, "list: the answer is not what Vault answers").WithFix("check the address, path and kv")
	}
	for _, key := range found.Keys {
		segment, isFolder := strings.CutSuffix(key, "/")
		// A segment with a slash would be one of another folder.
		if strings.Contains(segment, "/") || name.Problem(folder+segment) != "" {
			continue
		}
		if isFolder {
			err = v.list(ctx, root, folder+segment+"/", each)
		} else {
			err = each(provider.Item{Name: folder + segment})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
