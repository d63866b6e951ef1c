package broker

import (
	"context"
	"net/netip"
	"syscall"

	"tacit/internal/registry"
)

// refused are the networks that no service is on unless its owner says so: what is near to this machine, what hands out credentials to
// whoever asks from within, and what is reserved (I26). RFC 6890 and its updates; the IANA special-purpose registries of IPv4 and IPv6.
func refused() []string {
	return []string{
		"0.0.0.0/8",        // this network
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // shared by a carrier's customers
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // what Azure shows to its machines
		"169.254.0.0/16",   // link-local, and the metadata service of clouds
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and broadcast
		"::/96",            // unspecified, loopback, and IPv4 inside of IPv6 as it once was
		"::ffff:0:0:0/96",  // IPv4 translated
		"64:ff9b:1::/48",   // NAT64 of a private network
		"100::/64",         // discard
		"100:0:0:1::/64",   // dummy
		"2001::/23",        // protocol assignments, Teredo and ORCHID among them
		"2001:db8::/32",    // documentation
		"2002::/16",        // 6to4
		"3fff::/20",        // documentation
		"5f00::/16",        // segment routing
		"fc00::/7",         // private, and the metadata service of EC2
		"fe80::/10",        // link-local
		"fec0::/10",        // site-local
		"ff00::/8",         // multicast
	}
}

// nat64 is the well-known prefix of RFC 6052: an IPv4 address stands in its last four bytes.
const nat64 = "64:ff9b::/96"

// A guard says which addresses may be dialled.
type guard struct {
	refused []netip.Prefix
	nat64   netip.Prefix
}

func newGuard() *guard {
	g := &guard{nat64: netip.MustParsePrefix(nat64)}
	for _, p := range refused() {
		g.refused = append(g.refused, netip.MustParsePrefix(p))
	}
	return g
}

// A refusedAddress is why a dial did not happen.
type refusedAddress struct{ addr netip.Addr }

func (e *refusedAddress) Error() string { return "address " + e.addr.String() + " is refused" }

// check reports whether addr may be dialled for a service that may not use private addresses.
func (g *guard) check(addr netip.Addr) error {
	plain := addr.WithZone("").Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	if g.nat64.Contains(plain) {
		// A network without IPv4 reaches every IPv4 host by this prefix: what counts is the address inside.
		b := plain.As16()
		plain = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !plain.IsValid() || plain.IsUnspecified() || addr.Zone() != "" {
		return &refusedAddress{addr}
	}
	for _, p := range g.refused {
		if p.Contains(plain) {
			return &refusedAddress{addr}
		}
	}
	return nil
}

// control is called by a dialer with the resolved address, before the socket connects: so the address that is checked is the one that
// is dialled, however often the name is resolved and whatever it says the next time (I26).
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusedAddress{}
	}
	return g.check(ap.Addr())
}

// mayUsePrivate, mayUsePlain and ownRoots are what only a service of the user's own may ask for, whatever a built-in one says.
func mayUsePrivate(s *registry.Service) bool {
	return s.Origin == registry.Own && s.Network.AllowPrivate
}

func mayUsePlain(s *registry.Service) bool { return s.Origin == registry.Own && s.Network.PlainHTTP }

func ownRoots(s *registry.Service) string {
	if s.Origin != registry.Own {
		return ""
	}
	return s.Network.CAPEM
}
