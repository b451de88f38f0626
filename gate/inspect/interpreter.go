package inspect

import (
	"bytes"
	"path"
	"strings"

	"github.com/imagegate/imagegate/sbom"
)

// interpret judges a script: its interpreter must be there and executable, and
// must be able to read the script, for which the kernel does not care.
func (p *process) interpret(script sbom.File, head []byte, depth int) error {
	if depth == maxInterpreters {
		return blocked("%s: more than %d interpreters of each other", script.Path, maxInterpreters)
	}
	if !p.creds.may(script, readBit) {
		return blocked("%s cannot read script %s", p.creds, describe(script))
	}
	interpreter, argument, ok := parseInterpreterLine(head)
	if !ok {
		return blocked("%s: interpreter line names no interpreter within its first %d bytes", script.Path, maxInterpreterLine)
	}
	if carriageReturn := strings.HasSuffix(interpreter+argument, "\r"); carriageReturn {
		return blocked("%s: interpreter line ends in a carriage return, which is taken as part of the name", script.Path)
	}
	program, err := p.executable(interpreter)
	if err != nil {
		return blocked("interpreter of %s: %v", script.Path, err)
	}
	if err := p.execute(program, depth+1); err != nil {
		return err
	}
	return p.findByEnv(script, interpreter, argument, depth)
}

// findByEnv follows env(1), which looks its operand up in PATH. Operands that
// only env itself can understand are not judged.
func (p *process) findByEnv(script sbom.File, interpreter, argument string, depth int) error {
	name := envOperand(argument)
	if path.Base(interpreter) != "env" || name == "" {
		return nil
	}
	program, err := p.find(name)
	if err != nil {
		return blocked("interpreter of %s by env: %v", script.Path, err)
	}
	return p.execute(program, depth+1)
}

// parseInterpreterLine splits "#!interpreter argument" as binfmt_script does:
// blanks are spaces and tabs, all after the first run of them is one argument,
// and an interpreter that may have been cut off is none.
func parseInterpreterLine(head []byte) (interpreter, argument string, ok bool) {
	if len(head) < 2 || head[0] != '#' || head[1] != '!' {
		return "", "", false
	}
	head = head[:min(len(head), maxInterpreterLine)]
	line, _, whole := bytes.Cut(head[2:], []byte("\n"))
	line, _, ended := bytes.Cut(line, []byte{0})
	whole = whole || ended || len(head) < maxInterpreterLine
	text := strings.TrimLeft(string(line), " \t")
	end := strings.IndexAny(text, " \t")
	switch {
	case text == "":
		return "", "", false
	case end < 0:
		return text, "", whole
	}
	return text[:end], strings.Trim(text[end:], " \t"), true
}

// envOperand is the program that env(1) would start: its one argument, or with
// -S the first word that is neither an option without value nor an assignment.
func envOperand(argument string) string {
	split, isSplit := strings.CutPrefix(argument, "-S")
	if !isSplit {
		split, isSplit = strings.CutPrefix(argument, "--split-string=")
	}
	if !isSplit {
		if strings.HasPrefix(argument, "-") || strings.Contains(argument, "=") {
			return ""
		}
		return argument
	}
	for _, word := range strings.Fields(split) {
		switch {
		case word == "-i", word == "--ignore-environment", strings.Contains(word, "="):
		case strings.ContainsAny(word, "-'\"\\$"):
			return ""
		default:
			return word
		}
	}
	return ""
}
