package client

// ConfigShown is the answer of `config show`: everything that applies here.
type ConfigShown struct {
	Project StatusProject `json:"project"`
	Config  any           `json:"config"` // tables are objects, lists lists, everything else is text
}

// ConfigGot is the answer of `config get`.
type ConfigGot struct {
	Path  string `json:"path"`
	Value any    `json:"value"` // as in ConfigShown
}

// ConfigSet is the answer of `config set`.
type ConfigSet struct {
	File    string `json:"file"`
	Path    string `json:"path"`
	Created bool   `json:"created"` // there was no such value
}

// ConfigChecked is the answer of `config check`.
type ConfigChecked struct {
	OK       bool            `json:"ok"`
	Problems []ConfigProblem `json:"problems"`
	Total    int             `json:"total"`
}

// ConfigProblem is one thing that is wrong with a file. Line and column count from 1; they are 0 where the whole file is meant.
type ConfigProblem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Code   string `json:"code"`
	Text   string `json:"text"`
	Fix    string `json:"fix"`
}

// ConfigTrusted is the answer of `config trust` and `config untrust`.
type ConfigTrusted struct {
	Path    string       `json:"path"`
	Trusted bool         `json:"trusted"`
	Wants   []ConfigWant `json:"wants"` // what the file would do
	Total   int          `json:"total"`
}

// ConfigWant is one thing that a project file would do.
type ConfigWant struct {
	Kind string `json:"kind"` // default provider, provider, command, env file, variable, secret
	Text string `json:"text"`
	Line int    `json:"line"`
	New  bool   `json:"new"` // it was not there when the file was trusted before
}

// ConfigImported is the answer of `config import`.
type ConfigImported struct {
	File  string          `json:"file"` // that was written; "-" is standard output
	Lost  []ConfigProblem `json:"lost"` // what has no place in a project file
	Total int             `json:"total"`
}
