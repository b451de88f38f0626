package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// off is the word that switches a limit or threshold off.
const off = "off"

// ByteSize is a number of bytes; 0 is no limit ("off").
type ByteSize int64

// maxSize is the largest size that makes sense as a limit: 1 PiB.
const maxSize = 1 << 50

var errSize = errors.New("not a size: write 500MiB, 2GiB or 750MB, or off")

// sizeUnit is how many bytes a suffix stands for (IEC 80000-13 and SI prefixes).
func sizeUnit(suffix string) (float64, bool) {
	switch strings.ToLower(suffix) {
	case "b":
		return 1, true
	case "kib":
		return 1 << 10, true
	case "mib":
		return 1 << 20, true
	case "gib":
		return 1 << 30, true
	case "tib":
		return 1 << 40, true
	case "kb":
		return 1e3, true
	case "mb":
		return 1e6, true
	case "gb":
		return 1e9, true
	case "tb":
		return 1e12, true
	}
	return 0, false
}

// UnmarshalText reads "500MiB", "1.5GB", "1048576B" or "off".
func (s *ByteSize) UnmarshalText(text []byte) error {
	if string(text) == off {
		*s = 0
		return nil
	}
	digits := strings.TrimRight(string(text), "BKMGTibkmgt")
	unit, ok := sizeUnit(string(text[len(digits):]))
	number, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if !ok || err != nil || math.IsNaN(number) {
		return errSize
	}
	bytes := number * unit
	if bytes < 1 || bytes > maxSize {
		return errors.New("out of range: from 1B to 1024TiB, or off")
	}
	*s = ByteSize(bytes)
	return nil
}

// MarshalText writes the largest unit that loses nothing.
func (s ByteSize) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s ByteSize) String() string {
	if s == 0 {
		return off
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i, n := 0, int64(s)
	for n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// readableBytes rounds, for messages.
func readableBytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// Age is a length of time; 0 is no limit ("off").
type Age time.Duration

const day = 24 * time.Hour

// UnmarshalText reads "5d", what time.ParseDuration reads ("36h"), or "off".
func (a *Age) UnmarshalText(text []byte) error {
	if string(text) == off {
		*a = 0
		return nil
	}
	d, err := parseAge(string(text))
	if err != nil {
		return errors.New("not an age: write 5d or 36h, or off")
	}
	if d <= 0 || d > 3650*day {
		return errors.New("out of range: more than nothing and at most 3650d, or off")
	}
	*a = Age(d)
	return nil
}

func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(text)
}

// MarshalText writes whole days as days.
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a Age) String() string {
	d := time.Duration(a)
	switch {
	case d == 0:
		return off
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// Threshold is a number at or above which something counts. The zero value is
// off; 0 itself is a threshold that everything scored reaches.
type Threshold struct {
	On bool
	At float64
}

// UnmarshalText reads a number or "off".
func (t *Threshold) UnmarshalText(text []byte) error {
	if string(text) == off {
		*t = Threshold{}
		return nil
	}
	at, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(at) || math.IsInf(at, 0) {
		return errors.New("not a threshold: write a number such as 7.0 (of EPSS a fraction: 0.5), or off")
	}
	*t = Threshold{On: true, At: at}
	return nil
}

// MarshalText writes the number, or "off".
func (t Threshold) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalYAML writes a number as a number, not as a string.
func (t Threshold) MarshalYAML() (any, error) {
	if !t.On {
		return off, nil
	}
	return t.At, nil
}

func (t Threshold) String() string {
	if !t.On {
		return off
	}
	text := strconv.FormatFloat(t.At, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// Port is an exposed port as image configs write it: "22/tcp".
type Port string

// UnmarshalText reads "22" (any protocol) or "22/tcp".
func (p *Port) UnmarshalText(text []byte) error {
	number, protocol, limited := strings.Cut(string(text), "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 || limited && !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
		return errors.New("not a port: write 22 or 22/tcp, from 1 to 65535")
	}
	*p = Port(text)
	return nil
}

// matches says whether an exposed port ("22/tcp", or "22", which is TCP) is the
// one that is meant.
func (p Port) matches(exposed string) bool {
	number, protocol, _ := strings.Cut(exposed, "/")
	if protocol == "" {
		protocol = "tcp"
	}
	wanted, only, _ := strings.Cut(string(p), "/")
	return number == wanted && (only == "" || only == strings.ToLower(protocol))
}
