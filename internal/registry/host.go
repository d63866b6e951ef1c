package registry

import (
	"net/netip"
	"strconv"
	"strings"
)

// MatchHost reports whether host is what pattern allows: the same, or, for *.acme.example, one with one or more labels in place of
// the star, and the same port. Both are as a service file has them: lower case, without the port of the scheme.
func MatchHost(pattern, host string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if !wild {
		return host == pattern
	}
	return len(host) > len(suffix) && strings.HasSuffix(host, suffix) && !strings.HasPrefix(host, ".")
}

// Allows reports whether a credential of the service may name host, which must be one that [HostProblem] has nothing against.
func (s *Service) Allows(host string) bool {
	for _, pattern := range s.Hosts {
		if MatchHost(pattern, host) {
			return true
		}
	}
	return false
}

// HostsOf returns the hosts of one of the service's capabilities.
func (s *Service) HostsOf(c *Capability) []string {
	if len(c.Hosts) > 0 {
		return c.Hosts
	}
	return s.Hosts
}

// HostProblem says why host is no exact host of a service, as a credential may name it; empty if it is one. Addresses are hosts
// only of a service of the user's own.
func (s *Service) HostProblem(host string) string {
	if strings.HasPrefix(host, "*") {
		return "it must be exact"
	}
	r := &reader{origin: s.Origin, plainHTTP: s.Network.PlainHTTP}
	return r.hostProblem(host)
}

// hostProblem says why s is neither an exact host nor a pattern of hosts.
func (r *reader) hostProblem(s string) string {
	host, port, why := splitPort(s)
	switch {
	case why != "":
		return why
	case port == "443" && !r.plainHTTP, port == "80" && r.plainHTTP:
		return "leave out the port of the scheme"
	}
	if strings.HasPrefix(host, "[") || endsInNumber(host) {
		return r.addressProblem(host)
	}
	pattern, wild := strings.CutPrefix(host, "*.")
	labels := strings.Split(pattern, ".")
	switch {
	case len(pattern) > 253:
		return "it is longer than 253 characters"
	case wild && len(labels) < 2:
		return "at least two labels follow the star"
	case r.origin != Own && len(labels) < 2:
		return "it has one label only"
	}
	for _, l := range labels {
		if why := labelProblem(l); why != "" {
			return why
		}
	}
	return ""
}

// splitPort cuts off the port. Addresses of IPv6 stand in brackets.
func splitPort(s string) (host, port, why string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, "", ""
	}
	host, port = s[:i], s[i+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", "", "its port is no number from 1 to 65535"
	}
	return host, port, ""
}

// endsInNumber reports what resolvers may take for an address of IPv4 in one of its spellings (WHATWG URL, "ends in a number").
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	if hex, is := strings.CutPrefix(last, "0x"); is {
		return only(hex, func(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' })
	}
	return only(last, digit)
}

func (r *reader) addressProblem(host string) string {
	if r.origin != Own {
		return "it is an address, not a name"
	}
	inner, six := strings.CutPrefix(host, "[")
	if six {
		inner = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(inner)
	if err != nil || a.Zone() != "" || a.Is4In6() || a.Is4() == six || a.String() != inner {
		return "it is no address in its usual spelling"
	}
	return ""
}

// labelProblem says why l is no label of a host: letters, digits and hyphens (RFC 1123, section 2.1), in lower case. Names in other
// scripts are written in punycode, so that what is read is what is dialled.
func labelProblem(l string) string {
	switch {
	case l == "":
		return "it has an empty label"
	case len(l) > 63:
		return "it has a label of more than 63 characters"
	case l[0] == '-' || l[len(l)-1] == '-':
		return "a label begins or ends with '-'"
	case strings.ToLower(l) != l:
		return "it must be in lower case"
	case !only(l, func(c byte) bool { return lower(c) || digit(c) || c == '-' }):
		return "letters, digits and '-' only; other scripts as punycode, xn--"
	}
	return ""
}
