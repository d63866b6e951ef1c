package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
)

// A Problem is one mistake in a policy text. Line and Column count from 1, columns in characters. cedar-go names the policy and
// the word; the position is that of the first such word in the policy, else that of the policy.
type Problem struct {
	Line, Column int
	Text         string
}

func (p Problem) String() string {
	return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Text)
}

// Check returns what is wrong with a policy text, in the order of the text; nil if [Compile] takes it.
func Check(text string) []Problem {
	_, problems := parse(text)
	return problems
}

// A statement is one policy of a text.
type statement struct {
	id     string
	policy *cedar.Policy
	globs  []string // that it mentions
}

// parse reads a policy text and checks it against the schema and against the rules for names.
func parse(text string) ([]statement, []Problem) {
	tokens, problem := scan(text)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	list, err := cedar.NewPolicyListFromBytes("", []byte(text))
	if err != nil {
		return nil, []Problem{syntaxProblem(tokens, err)}
	}
	validator, err := newValidator()
	if err != nil {
		return nil, []Problem{{1, 1, err.Error()}}
	}
	c := checker{validator: validator, ids: map[string]bool{}}
	statements := make([]statement, len(list))
	for i, p := range list {
		// The policy's tokens: from its first one to that of the next policy.
		from := slices.IndexFunc(tokens, func(t token) bool { return at(t, p.Position()) })
		own := tokens[max(from, 0):]
		if i+1 < len(list) {
			if to := slices.IndexFunc(own, func(t token) bool { return at(t, list[i+1].Position()) }); to > 0 {
				own = own[:to]
			}
		}
		tokens = tokens[max(from, 0):]
		statements[i] = c.statement(i, p, own)
	}
	order.By(c.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return statements, c.problems
}

func at(t token, p cedar.Position) bool { return t.line == p.Line && t.column == p.Column }

// A checker goes through the policies of a text.
type checker struct {
	validator *validate.Validator
	ids       map[string]bool
	problems  []Problem
}

// reported adds a problem with the word where it is in the policy.
func (c *checker) reported(own []token, word, text string) {
	p := Problem{Line: 1, Column: 1, Text: text}
	if len(own) > 0 {
		p.Line, p.Column = own[0].line, own[0].column
	}
	for _, t := range own {
		if word != "" && (t.text == word || t.text == strconv.Quote(word)) {
			p.Line, p.Column = t.line, t.column
			break
		}
	}
	c.problems = append(c.problems, p)
}

// statement checks one policy.
func (c *checker) statement(n int, p *cedar.Policy, own []token) statement {
	s := statement{id: "policy-" + strconv.Itoa(n+1), policy: p}
	if id, ok := p.Annotations()["id"]; ok {
		s.id = string(id)
		if !isID(s.id) {
			c.reported(own, s.id, "an @id is letters, digits, '-', '_', '.', '/', and begins with a letter or digit")
		} else if reserved(s.id) {
			c.reported(own, s.id, fmt.Sprintf("the @id %q is one of tacit's own: choose another", s.id))
		}
	}
	if c.ids[s.id] {
		c.reported(own, s.id, fmt.Sprintf("two policies have the @id %q", s.id))
	}
	c.ids[s.id] = true

	tree := (*ast.Policy)(p.AST())
	c.schema(tree, own)
	for _, uid := range mentioned(tree) {
		if why := literalProblem(uid); why != "" {
			c.reported(own, strconv.Quote(string(uid.ID)), why)
		} else if uid.Type == "Glob" && !slices.Contains(s.globs, string(uid.ID)) {
			s.globs = append(s.globs, string(uid.ID))
		}
	}
	return s
}

// reserved reports whether an id has the form of those that grants and defaults have.
func reserved(id string) bool {
	return strings.HasPrefix(id, "grant-") || strings.HasPrefix(id, "default-") || strings.HasPrefix(id, "t_")
}

// notApplicable is what cedar-go says when the head of a policy fits no action, also as a consequence of other mistakes.
const notApplicable = "unable to find an applicable action given the policy scope constraints"

// schema checks one policy against the schema. cedar-go checks it for each kind of principal, action and object that it may meet,
// and repeats itself: one problem a word is enough.
func (c *checker) schema(tree *ast.Policy, own []token) {
	err := c.validator.Policy("", tree)
	if err == nil {
		return
	}
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if i := slices.Index(lines, notApplicable); i >= 0 {
		if len(lines) > 1 {
			lines = slices.Delete(lines, i, i+1)
		} else {
			lines[i] = "no action applies to these kinds of principal and object"
		}
	}
	seen := map[string]bool{}
	for _, line := range lines {
		word := quotedWord(line)
		if key := line[:strings.Index(line, word)+len(word)]; word == "" || !seen[key] {
			seen[key] = true
			c.reported(own, word, line)
		}
	}
}

// quotedWord returns the name that a message of cedar-go is about: `tags`, the id of `Action::"x"`, the last part of `a.b`.
func quotedWord(message string) string {
	_, rest, _ := strings.Cut(message, "`")
	word, _, ok := strings.Cut(rest, "`")
	if !ok {
		return ""
	}
	if _, id, ok := strings.Cut(word, `::"`); ok {
		return strings.TrimSuffix(id, `"`)
	}
	return word[strings.LastIndexByte(word, '.')+1:]
}

// mentioned returns the entities that a policy names. They all stand in it as they are: no attribute of the schema holds one.
func mentioned(p *ast.Policy) []types.EntityUID {
	var all []types.EntityUID
	for _, scope := range []ast.IsScopeNode{p.Principal, p.Action, p.Resource} {
		switch s := scope.(type) {
		case ast.ScopeTypeEq:
			all = append(all, s.Entity)
		case ast.ScopeTypeIn:
			all = append(all, s.Entity)
		case ast.ScopeTypeInSet:
			all = append(all, s.Entities...)
		case ast.ScopeTypeIsIn:
			all = append(all, s.Entity)
		}
	}
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			if v, ok := n.(ast.NodeValue); ok {
				all = appendEntities(all, v.Value)
			}
			return true
		})
	}
	return all
}

// appendEntities finds entities in a constant, which may be a set or record that the parser has folded.
func appendEntities(all []types.EntityUID, v types.Value) []types.EntityUID {
	switch v := v.(type) {
	case types.EntityUID:
		all = append(all, v)
	case types.Set:
		for e := range v.All() {
			all = appendEntities(all, e)
		}
	case types.Record:
		for e := range v.Values() {
			all = appendEntities(all, e)
		}
	}
	return all
}

// literalProblem says what is wrong with the id of an entity that a policy names: one that can never match is a mistake. A forbid
// for Agent::"agent/x" would forbid nothing.
func literalProblem(uid types.EntityUID) string {
	id := string(uid.ID)
	switch uid.Type {
	case "User", "Agent", "Plugin":
		kind := strings.ToLower(string(uid.Type))
		if _, err := ParsePrincipal(kind + "/" + id); err != nil {
			return fmt.Sprintf("%q names no principal: %s/claude is %s::\"claude\"", id, kind, uid.Type)
		}
	case "Scope":
		if _, err := name.ParseScope(id); err != nil {
			return fmt.Sprintf("%q is no scope", id)
		}
	case "Glob":
		if _, err := name.ParseGlob(id); err != nil {
			return fmt.Sprintf("%q is no pattern", id)
		}
	case "Capability":
		if name.Check(id) != nil {
			return fmt.Sprintf("%q names no capability", id)
		}
	case "Vault", "Policy":
		if only := strings.ToLower(string(uid.Type)); id != only {
			return fmt.Sprintf("there is no %q: the only one is %s::%q", id, uid.Type, only)
		}
	case "Secret":
		scope, n, ok := strings.Cut(id, ":")
		if _, err := name.ParseScope(scope); !ok || err != nil || name.Check(n) != nil {
			return fmt.Sprintf("%q names no secret: it is its scope and its name, Secret::\"global:prod/db\"", id)
		}
	}
	return ""
}

// syntaxProblem turns an error of cedar-go's parser, which is text only, into a problem. The parser names the token after the one
// that it could not use, except where it looked ahead.
func syntaxProblem(tokens []token, err error) Problem {
	_, rest, _ := strings.Cut(err.Error(), "<input>:") // <input>:LINE:COLUMN "TOKEN": MESSAGE, or without the token
	var line, column int
	if n, _ := fmt.Sscanf(rest, "%d:%d", &line, &column); n != 2 {
		return Problem{1, 1, "syntax error: " + err.Error()}
	}
	message := strings.TrimLeft(rest, "0123456789: ")
	if quoted, err := strconv.QuotedPrefix(message); err == nil {
		message = strings.TrimPrefix(message[len(quoted):], ": ")
	}
	p := Problem{Line: line, Column: column, Text: "syntax error: " + message}
	i := slices.IndexFunc(tokens, func(t token) bool { return t.line == line && t.column == column })
	if i < 0 {
		i = len(tokens) // the end of the text
	}
	got, want, ok := strings.Cut(strings.TrimPrefix(message, "exact "), " want ")
	got = strings.TrimPrefix(got, "got ")
	ahead := ok && (got == "" || !strings.HasPrefix(message, "exact ")) || !strings.Contains(err.Error(), "parse error at")
	if !ahead && i > 0 {
		p.Line, p.Column = tokens[i-1].line, tokens[i-1].column
	}
	if ok {
		p.Text = fmt.Sprintf("syntax error: found %s where %q should be", found(got), want)
	}
	return p
}

func found(token string) string {
	if token == "" {
		return "the end"
	}
	return strconv.Quote(clip(token))
}

// asError returns problems as one error of class fault.Invalid, nil for none.
func asError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	more := ""
	if n := len(problems) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fault.New(fault.Invalid, "invalid policy: %s%s", problems[0], more)
}
