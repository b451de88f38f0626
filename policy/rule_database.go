package policy

import (
	"fmt"
	"time"
)

func databaseRule() rule {
	return rule{
		RuleInfo: RuleInfo{RuleVulnerabilitiesAge, "The vulnerability database is there and fresh", []string{"vulnerabilities.database.maxAge"},
			"Yesterday's database does not know today's vulnerabilities."},
		level:   vulnerabilityLevel,
		stages:  func(p *Policy) []Stage { return p.Vulnerabilities.Stages },
		subject: judgeDatabase,
	}
}

const updateDatabase = "imagegate db update"

// judgeDatabase never fails: a database that cannot be trusted to know says
// nothing about the image.
func judgeDatabase(q *question) []Finding {
	if f := missing([]Step{StepResolve}, q.evidence.Steps); f != nil {
		return f
	}
	db, most := q.evidence.Database, q.policy.Vulnerabilities.Database.MaxAge
	if db == nil {
		return []Finding{q.noDatabase()}
	}
	age := q.now.Sub(db.Built)
	f := Finding{Outcome: Undecided, Expected: "at most " + most.String() + " old", Actual: "built " + db.Built.UTC().Format(time.RFC3339), Remedy: updateDatabase}
	switch {
	case db.Built.IsZero():
		f.Message, f.Actual = "the vulnerability database does not say when it was built", "no time"
	case age < -day:
		f.Message = "the vulnerability database was built in the future, so its age is not known"
		f.Remedy = "set the clock, or: " + updateDatabase
	case most > 0 && age > time.Duration(most):
		f.Message = fmt.Sprintf("the vulnerability database is %s old, allowed are %s", roundedAge(age), most)
	default:
		return []Finding{{Outcome: Pass, Message: "the vulnerability database was built " + db.Built.UTC().Format(time.RFC3339)}}
	}
	return []Finding{f}
}

// noDatabase says why there is none, if matching found that out.
func (q *question) noDatabase() Finding {
	for _, p := range q.platforms {
		if status := p.Steps[StepVulnerabilities]; status.State == Failed {
			return notJudged(StepVulnerabilities, status)
		}
	}
	f := notJudged(StepVulnerabilities, Status{})
	f.Message, f.Remedy = "no vulnerability database was used", updateDatabase
	return f
}

// roundedAge rounds down to what people count in.
func roundedAge(age time.Duration) string {
	if age >= 2*day {
		return fmt.Sprintf("%d days", age/day)
	}
	return fmt.Sprintf("%d hours", age/time.Hour)
}
