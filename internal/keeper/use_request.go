package keeper

import (
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// complete fills in the method and the path that a request does not name, where the capability leaves no doubt.
func complete(r *UseRequest, c *registry.Capability) error {
	if r.Method == "" {
		switch {
		case len(c.Methods) == 1:
			r.Method = c.Methods[0]
		case r.Body != nil && slices.Contains(c.Methods, "POST"):
			r.Method = "POST"
		case r.Body == nil && slices.Contains(c.Methods, "GET"):
			r.Method = "GET"
		default:
			return fault.New(fault.Usage, "%s has several methods: %s", c.ID, strings.Join(c.Methods, ", ")).About(c.ID).WithFix("say which with --method")
		}
	}
	if r.Path != "" {
		return nil
	}
	if len(c.Paths) != 1 || slices.Contains(c.Paths[0].Segments, "") {
		texts := make([]string, len(c.Paths))
		for i, p := range c.Paths {
			texts[i] = p.Text
		}
		return fault.New(fault.Usage, "%s has paths to choose from: %s", c.ID, strings.Join(texts, ", ")).About(c.ID).WithFix("say which with --path")
	}
	r.Path = firstPath(c)
	return nil
}
