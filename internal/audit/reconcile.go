package audit

import "tacit/internal/fault"

// wayBack is what to do about a vault that is older than its log.
const wayBack = "put the newest vault back, or accept this one with: tacit import --replace BACKUP"

// Aborted is the reason of the outcome that [Reconcile] gives to a change that never happened.
const Aborted = "aborted"

// Reconcile is the rule for opening a vault beside its log, to be asked before anything is appended: given the log's last
// record (nil: the log is empty) and its seq, and the seq and revision in the vault's anchor, do the two belong together?
//
//	log                                         vault             answer
//	the last seq is below the anchor's          any               fault.Tampered: the log was cut
//	the last revision is the vault's            R                 fine
//	an intent for R+1 without outcome is last   R                 it was aborted: the outcome to append first
//	an intent for R+1 without outcome is last   R+1               fine: committed, and the outcome was lost
//	a failed outcome at R is last               R+1, its intent   it was committed after all (the disk said no and did it): the outcome to append first
//	any other revision above the vault's        R                 fault.RolledBack: someone put an older vault back
//	a lower revision                            R                 fine: one intent may cover many commits (rotate-root)
//
// Every record carries the vault's revision when it was written, an intent the one it will create. So as soon as anything is
// recorded after a commit — its outcome, or a read — a vault from before it is told apart from a change that was aborted.
// Between a commit and the next record it cannot be: whoever puts back the vault from one change ago, and cuts off all that the
// log says after that change's intent, has put both back to an older state, which only a checkpoint kept elsewhere shows.
func Reconcile(last *Record, lastSeq, anchorSeq, anchorRevision uint64) (settled *Record, err error) {
	switch {
	case lastSeq < anchorSeq:
		return nil, fault.New(fault.Tampered, "the audit log was cut: it ends at record %d, and the vault knows of record %d", lastSeq, anchorSeq).
			WithFix("put the whole log back, or accept the vault with a new log: tacit import --replace BACKUP")
	case last == nil || last.Revision == anchorRevision:
		return nil, nil
	case last.Stage == Intent && last.Revision == anchorRevision+1:
		return settle(last, lastSeq, anchorRevision, Failed, Aborted), nil
	case last.Stage == Outcome && last.Result == Failed && last.Of == anchorSeq && last.Revision+1 == anchorRevision:
		return settle(last, last.Of, anchorRevision, Allowed, ""), nil
	case last.Revision > anchorRevision:
		return nil, fault.New(fault.RolledBack, "the vault is older than its log: it is at revision %d, and record %d saw revision %d",
			anchorRevision, lastSeq, last.Revision).WithFix("%s", wayBack)
	}
	return nil, nil
}

// settle returns the outcome of the intent with the seq of. The caller sets its time and who it is that found out.
func settle(r *Record, of, revision uint64, result Result, reason string) *Record {
	return &Record{
		Stage: Outcome, Of: of, Revision: revision, Time: r.Time,
		Principal: r.Principal, Door: r.Door, UID: r.UID, PID: r.PID, Executable: r.Executable,
		Action: r.Action, Object: r.Object, Provider: r.Provider, Result: result, Reason: reason,
	}
}
