package awsfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Permit lets only the actions of a policy through from now on: that of a page of documentation, whose first block of JSON it is, and
// more, which the page must name as well. Others are denied. It returns the actions of the page's policy.
func (s *Server) Permit(page, service string, more ...string) ([]string, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(text), "```json\n")
	block, _, ok := strings.Cut(rest, "```")
	var policy struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal([]byte(block), &policy); err != nil || !ok {
		return nil, fmt.Errorf("%s has no policy: %w", page, err)
	}
	var of []string
	for _, st := range policy.Statement {
		for _, a := range st.Action {
			of = append(of, strings.TrimPrefix(a, service+":"))
		}
	}
	for _, a := range more {
		if !regexp.MustCompile("`" + service + ":" + a + "`").Match(text) {
			return nil, fmt.Errorf("%s does not name %s", page, a)
		}
	}
	allowed := append(slices.Clone(of), more...)
	s.Before = func(w http.ResponseWriter, _ *http.Request, action string) bool {
		if slices.Contains(allowed, action) {
			return false
		}
		Refuse(w, 400, "AccessDeniedException", "not authorized to perform: "+service+":"+action)
		return true
	}
	return of, nil
}
