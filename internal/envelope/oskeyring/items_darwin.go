package oskeyring

import (
	"context"

	"tacit/internal/fault"
)

// limit: the tool of the system reads a command of 4096 bytes, in which the value stands as base64.
const limit = "about 3000 bytes"

// spelled: case counts here.
func (*Items) spelled(string) (bool, error) { return true, nil }

// Names fails: the Keychain says what is in it only together with everything of everybody else.
func (i *Items) Names(context.Context) ([]string, error) {
	return nil, fault.New(fault.Usage, "the Keychain does not list the items of one service").WithFix("see Keychain Access, service %s", i.service)
}
