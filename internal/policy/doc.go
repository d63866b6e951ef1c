// Package policy decides who may do what (I15): principals, rules, Cedar policies, tokens. It is pure: it stores nothing, asks no
// clock and knows no vault. Package keeper asks it, records its answer and acts on it.
//
// A [Rule] is what a person writes in one line: "read ci/* in workspace/W tagged prod". A token carries rules and matches them
// directly; a [Grant] gives one to a principal and is written as Cedar. Whatever else is wanted is Cedar text of the owner's own,
// checked against the schema (Schema). [Compile] turns text and grants into a [Set], which never changes; whoever holds it swaps
// it for a new one.
//
// What is not allowed is denied: no rule, a forbid, a rule that cannot be evaluated, a request that makes no sense, a nil Set.
package policy
