package cli

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// invokeFlags are one request to a service, and how its answer is printed.
type invokeFlags struct {
	method, path, credential, timeout string
	query, header, form, file         []string
	body                              string
	bodyGiven                         bool

	stream bool
	format string // raw, json, markdown
	output string
	fail   bool

	wrap      string
	exclude   []string
	wrapField string
}

func (f *invokeFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.method, "method", "", "the method `M`")
	fl.StringVar(&f.path, "path", "", "the path `P`, below the service's host")
	fl.StringArrayVar(&f.query, "query", nil, "a parameter `K=V` of the query (may be repeated)")
	fl.StringArrayVar(&f.header, "header", nil, "a header `K=V` (may be repeated)")
	fl.StringVar(&f.body, "body", "", "the body `B`; @FILE is a file's content, - that of standard input")
	fl.StringArrayVar(&f.form, "form", nil, "a field `K=V` of a form (may be repeated)")
	fl.StringArrayVar(&f.file, "file", nil, "a file `K=F` in a form (may be repeated)")
	fl.StringVar(&f.credential, "credential", "", "the credential `C`")
	fl.StringVar(&f.timeout, "timeout", "", "how long an answer may take to begin, a duration `D`")
	fl.StringVarP(&f.output, "output", "o", "", "write the answer's body to `FILE`")
	fl.BoolVar(&f.fail, "fail", true, "exit with a status of its own when the service refuses")
	fl.SortFlags = false
}

// addMarkdown adds what only the form for readers has.
func (f *invokeFlags) addMarkdown(fl *pflag.FlagSet) {
	fl.StringVar(&f.wrap, "wrap", "", "put the answer between <`NAME`> and </NAME>")
	fl.StringArrayVar(&f.exclude, "exclude", nil, "leave the `FIELD` out (may be repeated)")
	fl.StringVar(&f.wrapField, "wrap-field", "", "put the `FIELD` between tags of its name")
}

const invokeHelp = `The request is made by tacit, with the credential of the service, which you never see. Method and path must be within the capability:
tacit capability describe shows them. Where it leaves no choice, --method and --path can be left out.

The exit status tells how the service answered: 0 for 2xx and 3xx, 1 for another 4xx, 5 for 401 and 403, 7 for 5xx. --fail=false makes any answer
a success.`

func (a *app) invokeCommand() *cobra.Command {
	var f invokeFlags
	c := &cobra.Command{
		Use: "invoke CAPABILITY", Short: "Send a request to a service, with a credential that stays hidden",
		Long:    "Send a request to a service, with a credential that stays hidden.\n\n" + invokeHelp,
		Example: "tacit invoke openai/models\ntacit invoke openai/chat-completions --body @question.json\ntacit invoke github/repos --path /repos/golang/go/issues --query state=open --format json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error { return a.invoke(c, args[0], &f) },
	}
	f.add(c.Flags())
	c.Flags().BoolVar(&f.stream, "stream", false, "print the answer as it comes, event by event")
	c.Flags().StringVar(&f.format, "format", "raw", "how the answer is printed: raw, json or markdown")
	f.addMarkdown(c.Flags())
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"raw", "json", "markdown"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) jsonCommand() *cobra.Command {
	f := invokeFlags{format: "json"}
	c := &cobra.Command{
		Use: "json CAPABILITY", Short: "invoke, and print the answer as one JSON object",
		Long:    "The short form of tacit invoke --format json: status, headers and body as one object.\n\n" + invokeHelp,
		Example: "tacit json openai/models",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error { return a.invoke(c, args[0], &f) },
	}
	f.add(c.Flags())
	return c
}

func (a *app) markdownCommand() *cobra.Command {
	f := invokeFlags{format: "markdown"}
	c := &cobra.Command{
		Use: "markdown CAPABILITY", Aliases: []string{"md"}, Short: "invoke, and print the answer as Markdown",
		Long: `The short form of tacit invoke --format markdown: the answer as Markdown, for people and models. --wrap puts it between tags, so that
a reader can tell what came from outside; --exclude leaves fields out; --wrap-field puts one field between tags.

` + invokeHelp,
		Example: "tacit markdown github/search --path /search/repositories --query q=age --wrap result --exclude node_id",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error { return a.invoke(c, args[0], &f) },
	}
	f.add(c.Flags())
	f.addMarkdown(c.Flags())
	return c
}

func (a *app) invoke(c *cobra.Command, capability string, f *invokeFlags) error {
	f.bodyGiven = c.Flags().Changed("body")
	if a.flags.json {
		f.format = "json"
	}
	if err := f.check(); err != nil {
		return err
	}
	r, done, err := a.useRequest(capability, f)
	if err != nil {
		return err
	}
	defer done()
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	began := time.Now()
	used, err := k.Use(c.Context(), a.caller(), r)
	if err != nil {
		return err
	}
	if err := a.printAnswer(c.Context(), used, f, began); err != nil {
		return err
	}
	if !f.fail {
		return nil
	}
	return answeredBadly(used)
}

func (f *invokeFlags) check() error {
	bodies := 0
	for _, given := range []bool{f.bodyGiven, len(f.form)+len(f.file) > 0} {
		if given {
			bodies++
		}
	}
	switch {
	case bodies > 1:
		return fault.New(fault.Usage, "invoke: --body and --form or --file exclude each other")
	case f.format != "raw" && f.format != "json" && f.format != "markdown":
		return fault.New(fault.Usage, "invoke: no such format: %.20q", f.format).WithFix("use raw, json or markdown")
	case f.stream && f.format != "raw":
		return fault.New(fault.Usage, "invoke: --stream prints the answer as it comes, which --format %s cannot", f.format)
	case f.format == "raw" && (f.wrap != "" || f.wrapField != "" || len(f.exclude) > 0):
		return fault.New(fault.Usage, "invoke: --wrap, --exclude and --wrap-field are for --format markdown").WithFix("tacit markdown CAPABILITY")
	}
	return nil
}

// useRequest builds the request. done closes the files that it sends.
func (a *app) useRequest(capability string, f *invokeFlags) (r keeper.UseRequest, done func(), err error) {
	r = keeper.UseRequest{
		Capability: capability, Credential: f.credential,
		Request: broker.Request{Method: strings.ToUpper(f.method), Path: f.path, Header: http.Header{}},
	}
	timeout, err := parseDuration("--timeout", f.timeout)
	if err != nil {
		return r, nil, err
	}
	if timeout != nil {
		r.Timeout = *timeout
	}
	for _, h := range f.header {
		name, value, err := pair("--header", h)
		if err != nil {
			return r, nil, err
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	if r.Path, r.Query, err = f.target(); err != nil {
		return r, nil, err
	}
	body, err := a.requestBody(f)
	if err != nil {
		return r, nil, err
	}
	r.Body, r.ContentLength = body.reader, body.length
	if body.reader != nil && r.Header.Get("Content-Type") == "" && body.media != "" {
		r.Header.Set("Content-Type", body.media)
	}
	return r, body.close, nil
}

// target returns path and query. A path as people paste it may bring its query along.
func (f *invokeFlags) target() (path, query string, err error) {
	path, query, _ = strings.Cut(f.path, "?")
	for _, q := range f.query {
		name, value, err := pair("--query", q)
		if err != nil {
			return "", "", err
		}
		if query != "" {
			query += "&"
		}
		query += escapeQuery(name) + "=" + escapeQuery(value)
	}
	return path, query, nil
}

// pair splits K=V.
func pair(flag, s string) (key, value string, err error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return "", "", fault.New(fault.Usage, "%s: not of the form NAME=VALUE", flag)
	}
	return key, value, nil
}

// answeredBadly is the failure that an answer of a service is; nil for one that is none.
func answeredBadly(used *keeper.Used) error {
	code := fault.Failed
	switch s := used.Status; {
	case s < 400:
		return nil
	case s >= 500:
		code = fault.Unavailable
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		code = fault.Denied
	}
	status := cmp.Or(http.StatusText(used.Status), "")
	return fault.New(code, "%s: the service answered %s", used.Capability, strings.TrimSpace(strconv.Itoa(used.Status)+" "+status)).
		About(used.Capability).From("upstream")
}
