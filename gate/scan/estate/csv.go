package estate

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// CSV writes one row for each image, the worst first, under a row of names
// (RFC 4180). Text that a spreadsheet would take for a formula begins with an
// apostrophe (CWE-1236).
func CSV(w io.Writer, s Summary, _ string) error {
	c := csv.NewWriter(w)
	rows := [][]string{{
		"reference", "other references", "namespace", "digest", "verdict", "change", "rules", "reason", "remedy", "critical", "high",
		"known exploited", "refused vulnerabilities", "compressed bytes", "platforms", "judged at",
	}}
	for _, i := range s.All {
		rows = append(rows, row(i))
		if len(rows) == 1000 {
			if err := c.WriteAll(rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return c.WriteAll(rows)
}

func row(i Image) []string {
	cells := []string{
		i.Names[0], strings.Join(i.Names[1:], " "), i.Namespace, i.Digest, string(i.Verdict), string(i.Change), strings.Join(i.Rules, " "),
		i.Reason, i.Remedy, strconv.Itoa(i.Critical), strconv.Itoa(i.High), strconv.Itoa(i.Exploited), strconv.Itoa(i.Failing),
		strconv.FormatInt(i.CompressedBytes, 10), strings.Join(i.Platforms, " "), i.JudgedAt.UTC().Format(time.RFC3339),
	}
	for n, text := range cells {
		cells[n] = cell(text)
	}
	return cells
}

// cell is text that no spreadsheet calculates.
func cell(s string) string {
	s = line(s)
	if s != "" && strings.ContainsAny(s[:1], "=+-@|%") {
		return "'" + s
	}
	return s
}
