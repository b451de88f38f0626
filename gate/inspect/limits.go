package inspect

import "fmt"

// The bounds on what an image may make this package read, in one place.
const (
	// maxUserFile bounds /etc/passwd and /etc/group: what runtimes read of them
	// (containerd and moby/sys/user stop at the same size).
	maxUserFile = 10 << 20
	// maxUser bounds config.User: two names of login(1)'s 256 characters and more.
	maxUser = 1 << 10
	// maxInterpreterLine is BINPRM_BUF_SIZE of Linux since 5.1 (binfmt_script).
	maxInterpreterLine = 256
	// maxInterpreters is how many scripts may be each other's interpreter on every
	// kernel (fs/exec.c: 4 until 5.7, 5 since).
	maxInterpreters = 4
	// maxLoaderPath is PATH_MAX, which binfmt_elf requires of PT_INTERP.
	maxLoaderPath = 4096
	// maxProgramHeaders is what binfmt_elf reads of them: 64 KiB.
	maxProgramHeaders = 64 << 10
	// maxScan bounds the search for the marks of a shell in one program. The
	// largest known shell has 100 MB.
	maxScan = 256 << 20
	// maxSecretFile bounds a file that may hold a secret, maxKeyFile one that is
	// only looked at because it has a PEM block.
	maxSecretFile = 1 << 20
	maxKeyFile    = 64 << 10
	// maxScript is how much of a script is searched for tokens.
	maxScript = 64 << 10
	// maxText bounds one string of the config that is searched or reported.
	maxText = 256 << 10
	// maxItems bounds each list and map of the config.
	maxItems = 10_000
	// maxContent bounds the findings of one image.
	maxContent = 20_000
	// headBytes is how much of a file's beginning decides what it is.
	headBytes = 1 << 10
)

// LimitError says that an image goes beyond a bound, so it could not be judged.
type LimitError struct {
	What  string
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s", e.Limit, e.What)
}

// Remedy is what to do next.
func (e *LimitError) Remedy() string {
	return "build the image from fewer files; no sensible image comes near this limit"
}
