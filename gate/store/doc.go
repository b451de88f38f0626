// Package store remembers bytes under keys, so that what was found out about an
// image once need not be found out again.
//
// It is the memory of a gate (gate.Memory), and knows nothing of what is
// remembered: package gate says which facts are and under which keys, and this
// package that what comes out is what went in. It has two halves:
//
//	Store    seals values: checked when read, whoever kept them
//	Backend  keeps sealed entries by name: Disk here, a server elsewhere
//
// # What an entry is
//
// The name of an entry is the SHA-256 of its key in hex, so that any key fits any
// backend. The entry itself is
//
//	"imagegate-store/1\n"   what it is, and the version of this format
//	HMAC-SHA256             32 bytes, of everything that follows
//	length of the header    4 bytes, big endian
//	header                  JSON: the whole key, when it was written, how it is packed
//	value                   as it is, or zstd
//
// An entry is believed only if its seal holds and its header names the key that
// was asked for. Anything else is a miss: a file that was cut short by a full disk
// or a crash, one that was edited, one that was copied from another place or
// another machine, one of a later version. A miss costs time and never changes
// a verdict.
//
// # Whom the seal keeps out
//
// The secret of the seal is made at random and kept beside the entries, readable
// by the user alone. It keeps out accidents, other tools, and whoever can write
// entries but cannot read the secret: a cache folder that a group may write, or a
// server that many share (there the secret comes from elsewhere). It does not keep
// out somebody who runs as the same user, or who hands a whole folder with its
// secret to a build: such a one could as well exchange the program. Do not restore
// a cache folder that less trusted builds have written.
package store
