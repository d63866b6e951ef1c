package server

import (
	"log/slog"
	"net"
	"net/netip"

	"tacit/internal/fault"
	"tacit/internal/http1"
)

// maxProxyHeader bounds the header of a request in base-URL mode, in bytes.
const maxProxyHeader = 64 << 10

// ListenProxy listens for base-URL mode: on this machine only, on a port that is free when on is empty or names none.
func ListenProxy(on string) (net.Listener, error) {
	if on == "" {
		on = "127.0.0.1:0"
	}
	at, err := netip.ParseAddrPort(on)
	if err != nil || !at.Addr().IsLoopback() || at.Addr().Zone() != "" {
		return nil, fault.New(fault.Usage, "the proxy cannot listen on %.60q", on).WithFix("an address of this machine, as in 127.0.0.1:7717")
	}
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, fault.New(fault.Failed, "the proxy cannot listen on %s: is something else there?", at).WithFix("choose another port, or leave it out for one that is free")
	}
	return l, nil
}

// ConfigureProxy is [Configure] for base-URL mode, whose callers bring the headers of all kinds of SDKs.
func ConfigureProxy(h *http1.Server, log *slog.Logger) {
	Configure(h, log)
	h.MaxHeaderBytes = maxProxyHeader
}
