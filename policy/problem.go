package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a policy, and where.
type Problem struct {
	File string
	// Line and Column count from 1; 0 where they are not known.
	Line, Column int
	// Field is the path of the field ("signatures.signers[0].key"), or empty.
	Field   string
	Message string
}

// Error is "file:line:column: field: message", as compilers write it.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Column > 0 {
		fmt.Fprintf(&b, ":%d", p.Column)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// maxProblems is how many problems of one document are reported.
const maxProblems = 50

// Error is everything that is wrong with one policy, in the order of its files and
// lines.
type Error struct {
	Problems []Problem
	More     int // found beyond maxProblems
}

func newError(problems []Problem) *Error {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Field, b.Field))
	})
	more := max(0, len(problems)-maxProblems)
	return &Error{Problems: problems[:len(problems)-more], More: more}
}

// Error has one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.Error())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives every Problem.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// Remedy is what to do next.
func (e *Error) Remedy() string {
	return "imagegate policy init writes a commented policy to start from"
}
