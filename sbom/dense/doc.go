// Package dense holds what an image can have millions of, in little memory: values
// (List), names (Texts) and what finds them again (Table). Everything is known by a
// number of 32 bits instead of a pointer, a string or a map entry.
//
// That is worth its indirections for two reasons. A string costs 16 bytes and a map
// entry 40 before they hold anything, a number 4. And memory without pointers in it
// costs the garbage collector nothing, which otherwise goes over an image of a
// million files every time that a little garbage has gathered.
//
// Nothing here is safe for concurrent use while it grows; what has stopped growing
// may be read by any number of readers. The package knows neither files nor trees.
package dense
