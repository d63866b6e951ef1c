package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// TestI26Addresses has one address of every kind that a service may not be on, in every way to write it, and its neighbours that it may.
func TestI26Addresses(t *testing.T) {
	t.Parallel()
	g := newGuard()
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.0.1",
		"168.63.129.16", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.168.0.1",
		"192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "64:ff9b:1:ffff::8.8.8.8",
		"100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "fc00::1", "fd00:ec2::254", "fdff::1",
		"fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "2606:4700::1%eth0", "3fff::1", "5f00::1",
	} {
		if err := g.check(netip.MustParseAddr(a)); err == nil {
			t.Errorf("%s may be dialled", a)
		}
	}
	for _, a := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.0.1",
		"172.15.0.1", "172.32.0.1", "192.0.1.1", "192.167.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:4860:4860::8888", "2606:4700::1111", "2a00::1",
	} {
		if err := g.check(netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s may not be dialled: %v", a, err)
		}
	}
	if g.check(netip.Addr{}) == nil || g.control(t.Context(), "unix", "/run/socket", nil) == nil || g.control(t.Context(), "tcp", "", nil) == nil {
		t.Error("what is no address may be dialled")
	}
}

// TestI26Names resolves names to addresses that are refused, in a first or in a later answer: nothing is ever sent.
func TestI26Names(t *testing.T) {
	t.Parallel()
	dialled := atomic.Int32{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())

	// A name server that answers the same question in another way each time.
	answers := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("169.254.169.254")}
	resolver := fakeResolver(func(int) []netip.Addr { return answers })
	for _, origin := range []registry.Origin{registry.Builtin, registry.Own} {
		b := newTestBroker(t, Options{Resolver: resolver})
		service := &registry.Service{
			ID: "acme", Origin: origin, Hosts: []string{"api.acme.example:" + port},
			Auth:         registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "authorization", Value: "Bearer {{secret}}"}}},
			Capabilities: []registry.Capability{{ID: "acme/things"}},
		}
		if origin == registry.Builtin { // whatever it says: only a service of the user's own may ask for these
			service.Network = registry.Network{AllowPrivate: true, PlainHTTP: true, CAPEM: newAuthority(t).pem}
		}
		p, err := b.Prepare(service, Values{"secret": secret.New([]byte(headerSecret))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Do(t.Context(), Use{
			Request: &CanonicalRequest{method: "GET", path: "/", admitted: &service.Capabilities[0]}, Service: service, Capability: &service.Capabilities[0],
			Host: service.Hosts[0], Credential: p,
		})
		var problem *Problem
		if !errors.As(err, &problem) || problem.Origin != FromBroker || !errors.Is(err, fault.Denied) {
			t.Errorf("%s: got %v", origin, err)
		}
	}
	if n := dialled.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestI26Rebinding has a name that is public when it is first asked for and private later: the address that was checked is the one
// that is dialled.
func TestI26Rebinding(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	u := newUpstream(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	_, port, _ := net.SplitHostPort(u.host)
	resolver := fakeResolver(func(question int) []netip.Addr {
		if question < 2 { // 192.0.2.1 would do, but that is refused too
			return []netip.Addr{netip.MustParseAddr("2606:4700::1")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	})
	g := newGuard()
	var checked []string
	dialer := &net.Dialer{Resolver: resolver, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		checked = append(checked, address)
		if err := g.control(t.Context(), "tcp", address, nil); err != nil {
			return err
		}
		return errors.New("public, and not dialled by a test")
	}}
	for range 3 {
		if c, err := dialer.DialContext(t.Context(), "tcp", "api.acme.example:"+port); err == nil {
			_ = c.Close()
			t.Fatalf("dialled %s", c.RemoteAddr())
		}
	}
	if len(checked) == 0 || reached.Load() {
		t.Errorf("checked %v, reached %v", checked, reached.Load())
	}
	for _, a := range checked {
		if strings.HasPrefix(a, "api.") {
			t.Errorf("the name %s was checked, not an address", a)
		}
	}
}

// fakeResolver answers questions for addresses, the n-th with answers(n).
func fakeResolver(answers func(n int) []netip.Addr) *net.Resolver {
	var n atomic.Int32
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			var size [2]byte
			for {
				if _, err := readFull(server, size[:]); err != nil {
					return
				}
				question := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := readFull(server, question); err != nil {
					return
				}
				reply := dnsReply(question, answers(int(n.Add(1)-1)))
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil { //nolint:gosec // small
					return
				}
			}
		}()
		return client, nil
	}}
}

func readFull(c net.Conn, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		k, err := c.Read(b[n:])
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// dnsReply answers the question (RFC 1035) with those of the addresses that it is about.
func dnsReply(question []byte, addresses []netip.Addr) []byte {
	end := 12
	for question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 5
	kind := binary.BigEndian.Uint16(question[end-4:])
	var records []byte
	count := 0
	for _, a := range addresses {
		is := uint16(1)
		if a.Is6() {
			is = 28
		}
		if is != kind {
			continue
		}
		count++
		records = append(records, 0xc0, 12) // the name of the question
		records = binary.BigEndian.AppendUint16(records, is)
		records = append(records, 0, 1, 0, 0, 0, 0)
		records = binary.BigEndian.AppendUint16(records, uint16(a.BitLen()/8)) //nolint:gosec // 4 or 16
		records = append(records, a.AsSlice()...)
	}
	reply := append([]byte{}, question[:2]...)
	reply = append(reply, 0x81, 0x80, 0, 1, 0, byte(count), 0, 0, 0, 0)
	return append(append(reply, question[12:end]...), records...)
}
