package inspect

import "strings"

// shellMark is how a shell is known by its content, whatever its name: texts of
// its program that stay when it is stripped, linked statically or built for
// another machine. They were read off the shells themselves, as packaged by
// Debian 12 (nushell: its own release), and are chosen among those that older and
// newer versions share.
type shellMark struct {
	name string
	// least of texts must be in the program; one could be in a manual or another
	// scanner, several are only in the shell.
	least int
	texts []string
	// applets: the program is a shell if it also has one of these.
	applets []string
	// multiCall: what it does depends on the name under which it is called.
	multiCall bool
}

// cut is left out of the texts below. It stands in each of them, so that they
// are not in this program's own content: it is no shell.
const cut = "|"

var shellMarks = []shellMark{
	{name: "busybox", multiCall: true, least: 2, texts: []string{
		"BusyBox is a mul|ti-call binary", "applet not fou|nd"},
		applets: []string{"\x00as|h\x00", "\x00hus|h\x00", "\x00s|h\x00", "EOF in backquote substitu|tion"}},
	{name: "toybox", multiCall: true, least: 1, texts: []string{
		"Toybox %s mul|ticall binary"},
		applets: []string{"toys|h\x00"}},
	// Almquist's shell: dash, klibc's and the BSDs' sh.
	{name: "dash", least: 4, texts: []string{
		"EOF in backquote substitu|tion", "Unterminated quoted str|ing", "Bad for loop varia|ble", "Bad fd num|ber",
		" unexpected (expecting| %s)", "Use \"exit\" to leave| shell.", "a tracked alias| for", "Bad function na|me"}},
	{name: "bash", least: 3, texts: []string{
		"unexpected EOF while looking for match|ing `%c'", "syntax error near unexpected| token `%s'", "BASH_EXECUTION_STR|ING",
		"BASH_VERSIN|FO", "~/.bash_log|out"}},
	{name: "zsh", least: 3, texts: []string{
		"ZSH_EVAL_CON|TEXT", "ZSH_SUBSH|ELL", "parse error nea|r `%l'", "no matches foun|d: %s", "zwc file has wrong ver|sion", "builtin autolo|ad -X"}},
	{name: "ksh93", least: 3, texts: []string{
		"/etc/ksh.ksh|rc", "shell will timeout in 60 seconds due| to inactivity", "syntax error at lin|e %d: `%s' %s",
		"was found by the| shell.][+1?", "$Id: when|ce (", "is an undefined fun|ction"}},
	// The public domain Korn shell and its children: mksh, lksh, oksh, posh.
	{name: "ksh", least: 3, texts: []string{
		"exchild: XPIPEI and no la|st_job - pid %", "herein: yy|lex", "illegal file descrip|tor name", "arguments changed since la|st call",
		"fd not open for re|ading", "check_job: job star|ted (flags 0x%"}},
	{name: "yash", least: 3, texts: []string{
		"Yet another shell, ver|sion %s", "$YASH_LOAD|PATH", "too many files are opened for ya|sh to handle",
		"the backquoted command substitution is not clo|sed", "Try `man ya|sh' for details."}},
	// fish keeps most of its texts in 32-bit characters.
	{name: "fish", least: 2, texts: []string{
		"print-debug-cate|gories", wide("print-debug-cate|gories"), "print-rusage-se|lf", wide("print-rusage-se|lf"), wide("fish_key_bin|dings")}},
	{name: "csh", least: 4, texts: []string{
		"Too dangerous to al|ias that", "No job control in th|is shell", "Missing name for redi|rect", "Words not parenthe|sized",
		"Badly plac|ed (", "Ambiguous output redi|rect", "Substitution buffer over|flow", "/etc/csh.csh|rc"}},
	{name: "rc", least: 3, texts: []string{
		"`if not' must fol|low `if'", "rc: cannot fin|d `%s'", "rc: flag immu|table", "null filename in redire|ction", "multi-word filename in redire|ction"}},
	{name: "rc", least: 3, texts: []string{
		"`if not' does not fol|low `if(...)'", "mismatched list lengths in concat|enation", "null list in concat|enation",
		"popword but no| word!", "turfredir nu|ll!"}},
	{name: "sash", least: 2, texts: []string{
		"Execute another program in place of this sa|sh process", "Built-in commands are aliased to stand|ard commands"}},
	{name: "nushell", least: 3, texts: []string{
		"NU_LIB_DI|RS", "NU_PLUGIN_DI|RS", "nu::shell|::", "nu::parser|::", "PROMPT_INDICATOR_VI_NOR|MAL"}},
	// Go programs: the main package in the build information, which -s -w keeps.
	{name: "gosh", least: 1, texts: []string{
		"path\tmvdan.cc/sh/v3/cmd/go|sh\n", "path\tmvdan.cc/sh/cmd/go|sh\n"}},
	{name: "elvish", least: 1, texts: []string{
		"path\tsrc.elv.sh/cmd/el|vish\n", "path\tgithub.com/elves/elvish|\n", "path\tgithub.com/elves/elvish/cmd/el|vish\n"}},
}

func joined(text string) []byte {
	return []byte(strings.ReplaceAll(text, cut, ""))
}

// wide is a text in 32-bit characters of little-endian machines.
func wide(text string) string {
	var out strings.Builder
	for _, c := range []byte(strings.ReplaceAll(text, cut, "")) {
		out.Write([]byte{c, 0, 0, 0})
	}
	return out.String()
}
