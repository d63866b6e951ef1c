package server_test

import (
	"context"
	"io"
	"net/http"
	"strings"

	"tacit/client"
	"tacit/internal/broker"
	"tacit/internal/keeper"
)

func (canned) ServiceList(context.Context, keeper.Caller) (client.Services, error) {
	return client.Services{Services: []client.Service{{Service: "acme"}}, Total: 1}, nil
}

func (canned) ServiceDescribe(_ context.Context, _ keeper.Caller, id string) (client.ServiceDescription, error) {
	return client.ServiceDescription{Service: client.Service{Service: id}}, nil
}

func (canned) CapabilityList(context.Context, keeper.Caller, keeper.CapabilityListRequest) (client.Capabilities, error) {
	return client.Capabilities{Capabilities: []client.Capability{{ID: "acme/things"}}, Total: 1}, nil
}

func (canned) CapabilityDescribe(_ context.Context, _ keeper.Caller, id string) (client.CapabilityDescription, error) {
	return client.CapabilityDescription{ID: id}, nil
}

func (canned) CapabilityLimit(_ context.Context, _ keeper.Caller, r keeper.LimitRequest) (client.CapabilityDescription, error) {
	return client.CapabilityDescription{ID: r.ID}, nil
}

func (canned) CapabilityBind(_ context.Context, _ keeper.Caller, r keeper.BindRequest) (client.Binding, error) {
	return client.Binding{Capability: r.Capability, Credential: r.Credential, CreatedAt: when}, nil
}

func (canned) CapabilityUnbind(_ context.Context, _ keeper.Caller, r keeper.BindRequest) (client.Binding, error) {
	return client.Binding{Capability: r.Capability, CreatedAt: when}, nil
}

func (canned) CapabilityBindings(context.Context, keeper.Caller) (client.Bindings, error) {
	return client.Bindings{Bindings: []client.Binding{}}, nil
}

func (canned) CredentialList(context.Context, keeper.Caller) (client.Credentials, error) {
	return client.Credentials{Credentials: []client.Credential{{ID: "acme", CreatedAt: when}}, Total: 1}, nil
}

func (canned) CredentialRemove(_ context.Context, _ keeper.Caller, id string) (client.CredentialRemoved, error) {
	return client.CredentialRemoved{ID: id, BindingsRemoved: []string{}}, nil
}

// Use answers with what it was asked.
func (canned) Use(_ context.Context, _ keeper.Caller, r keeper.UseRequest) (*keeper.Used, error) {
	body := "none"
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	return &keeper.Used{
		Capability: r.Capability, Credential: "acme", Status: 200, Header: http.Header{"Content-Type": {"text/plain"}},
		Body: io.NopCloser(strings.NewReader(r.Method + " " + r.Path + " " + body)), Stats: func() broker.Stats { return broker.Stats{Redactions: 1} },
	}, nil
}
