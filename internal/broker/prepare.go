package broker

// A Prepared is a credential of a service, ready for many requests: its strategy, what must not come back, and its connections.
// It holds secrets, so whoever keeps one drops it when it was not used for a while.
type Prepared struct {
	strategy Strategy
}
