// Package config reads the user's configuration, config.yaml.
//
// It is read strictly where it has a meaning: an unknown key, a value of the wrong kind or a key that is there twice is an error
// with its line. Tables that only later versions give a meaning are passed over.
package config
