package scan

import "time"

// Class is the place of a unit in the order of work.
type Class string

// The classes, in the order in which workers take them.
const (
	ClassNew    Class = "new"    // pushed or made in the last week
	ClassNever  Class = "never"  // never judged before
	ClassOld    Class = "old"    // judged more than a week ago
	ClassRecent Class = "recent" // judged more than a day ago
	ClassFresh  Class = "fresh"  // judged today
)

// Classes in their order.
func Classes() []Class { return []Class{ClassNew, ClassNever, ClassOld, ClassRecent, ClassFresh} }

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// classOf orders a reference by when it was pushed and when its digest was judged
// last. A time in the future is a clock that was set: it says nothing.
func classOf(now, updated, judged time.Time) Class {
	if age := now.Sub(updated); !updated.IsZero() && age >= 0 && age < week {
		return ClassNew
	}
	switch age := now.Sub(judged); {
	case judged.IsZero():
		return ClassNever
	case age >= week:
		return ClassOld
	case age >= day:
		return ClassRecent
	}
	return ClassFresh
}
