package client

// Tasks is what `task --json` prints: the tasks of a project file.
type Tasks struct {
	Tasks []Task `json:"tasks"`
	Total int    `json:"total"`
}

// Task is a task of a project file.
type Task struct {
	Name        string      `json:"name"`
	Description *string     `json:"description"`
	Params      []TaskParam `json:"params"`
	Steps       int         `json:"steps"`
}

// TaskParam is a parameter of a task; they are given in their order.
type TaskParam struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Required    bool    `json:"required"`
}

// TaskPlan is what `task NAME --dry-run --json` prints: what would run. Secrets are "***".
type TaskPlan struct {
	Task  string     `json:"task"`
	Steps []TaskStep `json:"steps"`
}

// TaskStep is a command of a task, and what it would get.
type TaskStep struct {
	Name    string         `json:"name"`
	Command string         `json:"command"`
	Env     []TaskVariable `json:"env"`
	Stdin   *string        `json:"stdin"`
}

// TaskVariable is a variable of a step.
type TaskVariable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
