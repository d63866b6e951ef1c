// Package providertest is what every provider promises, as tests. A kind of provider passes when [Run] does:
//
//	providertest.Run(t, providertest.Store{New: func(t *testing.T, w provider.World) providertest.Subject {
//		store := newFake(t)
//		p, err := Make(provider.Spec{Name: providertest.Name, Settings: …}, w)
//		if err != nil {
//			t.Fatal(err)
//		}
//		return providertest.Subject{Provider: p, Break: store.breakWith, Secrets: []string{store.token}}
//	}, PageSize: 3})
//
// The store is a fake that a test owns, or a real one that it starts. Whoever writes the fake makes it misbehave in the ways of
// [Fault]: the suite asks for each and looks at what the provider makes of it.
//
// Everything that the provider says meanwhile, errors and debug lines alike, is kept and searched in the end for values and tokens.
package providertest
