package transfer

import (
	"bufio"
	"io"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// WriteOptions say what to write.
type WriteOptions struct {
	Values bool      // values of readable secrets; without, only what is known about all
	Export bool      // env: put "export " before each line
	Now    time.Time // when it is written, for exported_at
}

// Writer writes one file. Secrets come in the order in which they are to stand there; with values, the scopes of one name
// come one after the other.
type Writer interface {
	// Write adds a secret. With values, a sealed one is left out. An error of class fault.Conflict says that two secrets
	// would take one place; the file is of no use then. The value may be kept until a secret of another name comes, or Close.
	Write(keeper.Exported) error
	// Close writes what ends the file. It does not close what is below.
	Close() error
}

// NewWriter returns a Writer of format json, yaml, csv or env to w. With values, json, yaml and env are what NewReader reads.
func NewWriter(format string, w io.Writer, o WriteOptions) (Writer, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	switch format {
	case "json":
		if o.Values {
			return newGrouper(&jsonValues{w: out}), nil
		}
		return newJSONMeta(out, o), nil
	case "yaml":
		if o.Values {
			return newGrouper(&yamlValues{w: out}), nil
		}
		return newYAMLMeta(out, o), nil
	case "csv":
		return newCSVWriter(out, o)
	case "env":
		if !o.Values {
			return nil, fault.New(fault.Usage, "the env format is nothing but values").WithFix("add --values, or choose --format json, yaml or csv")
		}
		return &envWriter{w: out, prefix: map[bool]string{true: "export "}[o.Export], taken: map[string]string{}}, nil
	}
	return nil, fault.New(fault.Usage, "unknown export format %q", format).WithFix("the formats are age, json, yaml, csv and env")
}

// value returns the value to write, and false for a sealed secret. Keeper never hands out the value of one (I11); should it
// ever, nothing more is written.
func value(x keeper.Exported) ([]byte, bool, error) {
	v := x.Value.Reveal()
	switch sealed := x.Secret.Exposure == "sealed"; {
	case sealed && len(v) > 0:
		return nil, false, fault.New(fault.Sealed, "%s is sealed and cannot be exported", x.Secret.Name).About(x.Secret.Name)
	case sealed:
		return nil, false, nil
	case len(v) == 0:
		return nil, false, fault.New(fault.Failed, "the export of %s has no value", x.Secret.Name).About(x.Secret.Name)
	}
	return v, true, nil
}
