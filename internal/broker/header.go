package broker

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/httpgrammar"
)

// canonicalHeader returns the header that is sent, but for what the strategy adds: each name once, canonical, with valid values. length
// is that of the body.
//
// What authenticates, steers or frames is refused (I25): whoever sets it means something by it. What clients and proxies add of
// themselves, and is about their connection, is left out. No content coding is asked for, since the answer must be read (I28).
func canonicalHeader(h http.Header, length int64) (http.Header, error) {
	count, size := 0, 0
	for name, values := range h {
		count += len(values)
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if count > maxFields || size > maxFieldBytes {
		return nil, fault.New(fault.Invalid, "the header has more than %d fields or %d bytes", maxFields, maxFieldBytes)
	}

	out := make(http.Header, len(h)+1)
	all := make([]string, 0, count+1) // of all fields, in one allocation
	for name, values := range h {
		kept, err := keepsField(name, values, length)
		if err != nil {
			return nil, err
		}
		if !kept || len(values) == 0 {
			continue
		}
		key := http.CanonicalHeaderKey(name)
		first, names := len(all), len(out)
		for _, v := range values {
			if httpgrammar.HasControl(v) {
				return nil, refuse("the header %s has a control character", key)
			}
			all = append(all, textproto.TrimString(v)) // as net/http would
		}
		if out[key] = all[first:len(all):len(all)]; len(out) == names {
			return nil, refuse("the header %s is there in two spellings", key)
		}
	}
	all = append(all, "identity")
	out["Accept-Encoding"] = all[len(all)-1:]
	return out, nil
}

// keepsField reports whether a field goes to the upstream.
func keepsField(name string, values []string, length int64) (bool, error) {
	if !httpgrammar.IsToken(name) || len(name) > maxFieldName {
		return false, refuse("the name of a header is no token of HTTP, or longer than %d bytes", maxFieldName)
	}
	var buf [maxFieldName]byte
	folded := fold(buf[:0], name)
	switch kindOf(string(folded)) {
	case fieldPlain:
		return true, nil
	case fieldAuth:
		return false, refuse("the header %s would authenticate: the broker does that", name).WithFix("leave it out")
	case fieldMethod:
		return false, refuse("the header %s would change the method", name).WithFix("send the request with the method that is meant")
	case fieldRoute:
		return false, refuse("the header %s would send the request elsewhere", name).WithFix("leave it out: the host is that of the capability")
	case fieldFraming:
		return false, refuse("the header %s is about the connection, which is the broker's", name).WithFix("leave it out")
	case fieldSingle:
		if len(values) > 1 {
			return false, refuse("the header %s is there more than once", name)
		}
		return true, nil
	case fieldConnection:
		return false, checkConnection(values)
	case fieldExpect:
		// curl asks so before a large body. The door that read the request has answered.
		if len(values) != 1 || !strings.EqualFold(strings.Trim(values[0], " \t"), "100-continue") {
			return false, refuse("the header Expect asks for something that the broker does not do").WithFix("leave it out")
		}
	case fieldLength:
		if len(values) != 1 || strings.Trim(values[0], " \t") != strconv.FormatInt(length, 10) {
			return false, refuse("the header Content-Length is not the length of the body").WithFix("leave it out")
		}
	case fieldDropped:
	}
	return false, nil
}

// checkConnection refuses to take out a header because the caller says that it belongs to the connection: what is left might mean
// something else (RFC 9110, section 7.6.1).
func checkConnection(values []string) error {
	for _, v := range values {
		for option := range strings.SplitSeq(v, ",") {
			switch strings.ToLower(strings.Trim(option, " \t")) {
			case "", "close", "keep-alive", "te":
			default:
				return refuse("the header Connection names another header, or an upgrade").WithFix("leave it out")
			}
		}
	}
	return nil
}

// A fieldKind is what a header is to the broker.
type fieldKind int

const (
	fieldPlain      fieldKind = iota
	fieldSingle               // plain, but there once
	fieldDropped              // about the client's connection, or said by a proxy on the way here
	fieldAuth                 // who is asking
	fieldMethod               // another method
	fieldRoute                // another host or path
	fieldFraming              // where the message ends, and in which protocol
	fieldConnection           // Connection
	fieldExpect               // Expect
	fieldLength               // Content-Length
)

// kindOf knows headers by their folded name (see [fold]). What a strategy sets is known to it alone: see [CanonicalRequest.Reserve].
func kindOf(name string) fieldKind {
	switch name {
	case "content-type", "content-encoding", "range", "if-range", "user-agent":
		return fieldSingle
	case "keep-alive", "proxy-connection", "te", "accept-encoding",
		"via", "forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip":
		return fieldDropped
	case "connection":
		return fieldConnection
	case "expect":
		return fieldExpect
	case "content-length":
		return fieldLength
	case "transfer-encoding", "trailer", "upgrade", "http2-settings":
		return fieldFraming
	case "x-method-override":
		return fieldMethod
	case "host", "x-host", "x-http-host-override", "proxy": // a script behind CGI takes Proxy for the variable HTTP_PROXY
		return fieldRoute
	case "cookie", "cookie2", "set-cookie", "set-cookie2", "remote-user", "x-remote-user", "client-cert", "client-cert-chain",
		"x-amz-security-token", "x-token", "private-token", "job-token", "deploy-token", "circle-token", "x-vault-token", "x-access-key",
		"x-subscription-token", "x-postmark-server-token", "x-postmark-account-token", "x-auth-email", "x-auth-user", "x-auth-user-service-key",
		"dd-application-key", "x-functions-key", "fastly-key", "ocp-apim-subscription-key", "x-rapidapi-key":
		return fieldAuth
	}
	switch {
	case strings.HasPrefix(name, "x-forwarded"):
		return fieldDropped
	case strings.HasPrefix(name, "x-http-method"):
		return fieldMethod
	case strings.HasPrefix(name, "x-original-"), strings.HasPrefix(name, "x-rewrite-"), strings.HasPrefix(name, "x-envoy-original-"):
		return fieldRoute
	case strings.HasPrefix(name, "proxy-"),
		strings.HasSuffix(name, "authorization"), strings.HasSuffix(name, "api-key"), strings.HasSuffix(name, "apikey"),
		strings.HasSuffix(name, "auth-token"), strings.HasSuffix(name, "auth-key"), strings.HasSuffix(name, "access-token"):
		return fieldAuth
	}
	return fieldPlain
}
