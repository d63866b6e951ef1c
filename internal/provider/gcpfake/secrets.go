package gcpfake

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kept is one secret.
type kept struct {
	name     string
	created  time.Time
	versions []*version // the first is number 1
}

type version struct {
	state   string // ENABLED, DISABLED, DESTROYED
	data    []byte
	created time.Time
}

func sum(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}

func (k *kept) path() string { return "projects/" + Number + "/secrets/" + k.name }

func (k *kept) show() map[string]any {
	return map[string]any{
		"name": k.path(), "createTime": k.created.UTC().Format(time.RFC3339Nano), "etag": `"1"`,
		"replication": map[string]any{"automatic": map[string]any{}},
	}
}

func (k *kept) showVersion(n int, checked bool) map[string]any {
	v := k.versions[n-1]
	out := map[string]any{
		"name": fmt.Sprintf("%s/versions/%d", k.path(), n), "createTime": v.created.UTC().Format(time.RFC3339Nano), "state": v.state, "etag": `"1"`,
		"replicationStatus": map[string]any{"automatic": map[string]any{}},
	}
	if checked {
		out["clientSpecifiedPayloadChecksum"] = true
	}
	return out
}

// serveSecrets answers /v1/projects/P/secrets….
func (s *Server) serveSecrets(w http.ResponseWriter, r *http.Request, body []byte) {
	rest := strings.TrimPrefix(strings.SplitN(r.URL.Path, "/secrets", 2)[1], "/")
	rest, verb, _ := strings.Cut(rest, ":")
	parts := strings.Split(rest, "/")
	action := map[bool]string{true: verb, false: r.Method}[verb != ""]
	switch {
	case rest == "" && r.Method == http.MethodGet:
		action = "list"
	case rest == "" && r.Method == http.MethodPost:
		action = "create"
	case len(parts) == 2 && parts[1] == "versions" && r.Method == http.MethodGet:
		action = "versions"
	case len(parts) == 1 && r.Method == http.MethodDelete:
		action = "delete"
	}
	if s.Before != nil && s.Before(w, r, action) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, action)
	if !s.bears(r) {
		refuse(w, 401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token.")
		return
	}
	if action == "create" || action == "list" {
		s.serveAll(w, r, action, body)
		return
	}
	k := s.secrets[parts[0]]
	if k == nil {
		refuse(w, 404, "NOT_FOUND", "Secret [projects/"+Number+"/secrets/"+parts[0]+"] not found or has no versions.")
		return
	}
	var out any
	switch {
	case action == "addVersion" && len(parts) == 1:
		s.add(w, k, body)
		return
	case len(parts) == 3 && parts[1] == "versions":
		s.serveVersion(w, r, k, parts[2], action)
		return
	case action == "versions":
		all := make([]any, 0, len(k.versions))
		for n := len(k.versions); n > 0; n-- {
			all = append(all, k.showVersion(n, false))
		}
		page, token := s.cut(r, all)
		out = map[string]any{"versions": page, "nextPageToken": token, "totalSize": len(all)}
	case action == "delete":
		delete(s.secrets, k.name)
		out = map[string]any{}
	case action == http.MethodGet && len(parts) == 1:
		out = k.show()
	default:
		refuse(w, 404, "NOT_FOUND", "Method not found.")
		return
	}
	answer(w, out)
}

func (s *Server) serveAll(w http.ResponseWriter, r *http.Request, action string, body []byte) {
	if action == "list" {
		var all []any
		for _, name := range s.names() {
			all = append(all, s.secrets[name].show())
		}
		page, token := s.cut(r, all)
		answer(w, map[string]any{"secrets": page, "nextPageToken": token, "totalSize": len(all)})
		return
	}
	name := r.URL.Query().Get("secretId")
	var in struct {
		Replication *struct{ Automatic *struct{} }
	}
	allowed := strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
	switch {
	case json.Unmarshal(body, &in) != nil, name == "", len(name) > 255, !allowed, in.Replication == nil:
		refuse(w, 400, "INVALID_ARGUMENT", "The provided Secret ID ["+name+"] does not match the expected format [[a-zA-Z_0-9]+].")
	case s.secrets[name] != nil:
		refuse(w, 409, "ALREADY_EXISTS", "Secret ["+s.secrets[name].path()+"] already exists.")
	default:
		k := &kept{name: name, created: s.now()}
		s.secrets[name] = k
		answer(w, k.show())
	}
}

// add is addVersion.
func (s *Server) add(w http.ResponseWriter, k *kept, body []byte) {
	var in struct {
		Payload struct {
			Data       []byte
			DataCrc32c any // a text or a number: both are JSON of an int64
		}
	}
	err := json.Unmarshal(body, &in)
	given := fmt.Sprint(in.Payload.DataCrc32c)
	switch {
	case err != nil, len(in.Payload.Data) == 0, len(in.Payload.Data) > 65536:
		refuse(w, 400, "INVALID_ARGUMENT", "The payload is not good.")
	case in.Payload.DataCrc32c != nil && given != sum(in.Payload.Data):
		refuse(w, 400, "INVALID_ARGUMENT", "The checksum does not match.")
	default:
		k.versions = append(k.versions, &version{state: "ENABLED", data: in.Payload.Data, created: s.now()})
		answer(w, k.showVersion(len(k.versions), in.Payload.DataCrc32c != nil))
	}
}

// serveVersion is access, and GET, of one version.
func (s *Server) serveVersion(w http.ResponseWriter, r *http.Request, k *kept, which, action string) {
	n, err := strconv.Atoi(which)
	if which == "latest" {
		n, err = len(k.versions), nil
	}
	if err != nil || n < 1 || n > len(k.versions) {
		refuse(w, 404, "NOT_FOUND", "Secret Version ["+k.path()+"/versions/"+which+"] not found.")
		return
	}
	v := k.versions[n-1]
	switch {
	case action == "access" && v.state != "ENABLED":
		refuse(w, 400, "FAILED_PRECONDITION", fmt.Sprintf("Secret Version [%s/versions/%d] is in %s state.", k.path(), n, v.state))
	case action == "access":
		answer(w, map[string]any{
			"name": fmt.Sprintf("%s/versions/%d", k.path(), n), "payload": map[string]any{"data": v.data, "dataCrc32c": sum(v.data)},
		})
	case action == http.MethodGet:
		answer(w, k.showVersion(n, false))
	default:
		refuse(w, 404, "NOT_FOUND", "Method not found.")
	}
}

// cut returns the part of a list that a request asks for, and the token for the rest; empty: that was all.
func (s *Server) cut(r *http.Request, all []any) ([]any, string) {
	size, from := s.page, 0
	if n, err := strconv.Atoi(r.URL.Query().Get("pageSize")); err == nil && n > 0 {
		size = min(size, n)
	}
	_, _ = fmt.Sscanf(r.URL.Query().Get("pageToken"), "page-%d", &from)
	from = min(from, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		return all[from:to], fmt.Sprintf("page-%d", to)
	}
	return all[from:to], ""
}

func (s *Server) names() []string {
	var all []string
	for name := range s.secrets {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func answer(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(out)
}

// Put adds a version, as somebody else would.
func (s *Server) Put(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets[name] == nil {
		s.secrets[name] = &kept{name: name, created: s.now()}
	}
	s.secrets[name].versions = append(s.secrets[name].versions, &version{state: "ENABLED", data: data, created: s.now()})
}

// Set puts a version into a state: "DISABLED", "DESTROYED".
func (s *Server) Set(name string, n int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[name].versions[n-1].state = state
}
