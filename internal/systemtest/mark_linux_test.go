package systemtest

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"tacit/internal/engine/bolt"
)

// mark is a page of memory that a child shares with its parent: where the child is, to be read when it is dead.
type mark struct {
	bytes []byte
	mu    sync.Mutex

	// The child dies at its dieAt-th event, dieAfter later.
	dieAt    uint32
	dieAfter time.Duration
}

// The bytes of a mark.
const (
	atOp    = iota // index in opKinds
	atBolt         // index in boltPhases
	atAudit        // index in auditPhases, 0 when no append is under way

	markSize = 4096
)

var (
	opKinds     = []string{"none", "set", "rotate", "tag", "rm", "mv", "rollback", "purge", "import", "bulk", "restore", "rotate-root", "resume"}
	boltPhases  = []bolt.Phase{"", bolt.Locked, bolt.Opened, bolt.Committing, bolt.Committed, bolt.Replacing, bolt.Filled, bolt.Renamed, bolt.Replaced, bolt.Closed}
	auditPhases = []string{"", "locked", "writing", "written"}
)

// openMark maps the file at path, which is made if it is missing.
func openMark(path string) (*mark, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(markSize); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, markSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	return &mark{bytes: b}, err
}

func (m *mark) close() { _ = syscall.Munmap(m.bytes) }

func (m *mark) begin(o op) { m.set(atOp, index(opKinds, o.Kind)) }

func (m *mark) bolt(p bolt.Phase) {
	m.bytes[atAudit] = 0 // an append that is not durable says nothing when it is done
	m.set(atBolt, index(boltPhases, p))
}

func (m *mark) audit(phase string) { m.set(atAudit, index(auditPhases, phase)) } // "synced" is not there: it is done

func index[T comparable](all []T, one T) byte {
	for i, x := range all {
		if x == one {
			return byte(i)
		}
	}
	return 0
}

// set notes where the child is, and lets it die if this is the event.
func (m *mark) set(which int, at byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes[which] = at
	n := (*atomic.Uint32)(unsafe.Pointer(&m.bytes[8])).Add(1)
	if n != m.dieAt {
		return
	}
	if m.dieAfter == 0 || killIn(m.dieAfter) != nil {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // death comes to another thread first
	}
}

func (m *mark) where() (kind string, b bolt.Phase, a string) {
	return opKinds[m.bytes[atOp]], boltPhases[m.bytes[atBolt]], auditPhases[m.bytes[atAudit]]
}

// killIn has the kernel kill this process after a time that no scheduling of Go's delays: timer_create(2).
func killIn(d time.Duration) error {
	event := struct {
		value  uintptr
		signal int32
		notify int32
		_      [48]byte
	}{signal: int32(syscall.SIGKILL)}
	var timer int32
	const monotonic = 1
	if _, _, e := syscall.Syscall(syscall.SYS_TIMER_CREATE, monotonic, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer))); e != 0 {
		return e
	}
	spec := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(int64(d))}
	if _, _, e := syscall.Syscall6(syscall.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0); e != 0 {
		return e
	}
	return nil
}

// somewhere returns a random event to die at, and how long after it.
func somewhere(r *rand.Rand, events int) (at uint32, after time.Duration) {
	at = 1 + r.Uint32N(uint32(events))
	if r.IntN(3) > 0 {
		after = time.Duration(1 + r.IntN(400_000))
	}
	return at, after
}

// TestKillInKills makes sure that a child dies where it shall.
func TestKillInKills(t *testing.T) {
	t.Parallel()
	lane := newLane(t, quickDir(t), 99)
	lane.ops = []op{{Kind: "set", Name: "a", Value: "value a"}, {Kind: "set", Name: "b", Value: "value b"}}
	for _, after := range []time.Duration{0, 1, 50 * time.Microsecond} {
		k, err := lane.run(how{at: 5, after: after})
		if err != nil || !k.killed || k.kind != "set" {
			t.Fatalf("after %v: %+v, %v", after, k, err)
		}
	}
}
