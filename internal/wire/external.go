package wire

import (
	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// FromDecide returns the shape of r.
func FromDecide(r keeper.DecideRequest) client.DecideRequest { return client.DecideRequest(r) }

// ToDecide returns what r asks for.
func ToDecide(r client.DecideRequest) keeper.DecideRequest { return keeper.DecideRequest(r) }

// FromRecord returns the shape of r.
func FromRecord(r keeper.RecordRequest) client.RecordRequest {
	out := client.RecordRequest{ID: r.ID}
	for _, o := range r.Outcomes {
		out.Outcomes = append(out.Outcomes, client.Outcome{Name: o.Name, Version: o.Version, Code: string(o.Code)})
	}
	return out
}

// ToRecord returns what r says.
func ToRecord(r client.RecordRequest) keeper.RecordRequest {
	out := keeper.RecordRequest{ID: r.ID}
	for _, o := range r.Outcomes {
		out.Outcomes = append(out.Outcomes, keeper.Outcome{Name: o.Name, Version: o.Version, Code: fault.Code(o.Code)})
	}
	return out
}
