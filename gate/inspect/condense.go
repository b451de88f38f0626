package inspect

import "bytes"

// Marked says whether more of a file that Wants keeps will be asked for than the
// headers of a program: whether its name says so, or one of the texts that shells
// are known by is in it.
func Marked(file string, content []byte) bool {
	head := content[:min(len(content), headBytes)]
	if isUserFile(file) || bytes.HasPrefix(head, []byte("#!")) || checkOf(file, head, int64(len(content))) != nil {
		return true
	}
	header, ok := parseELFHeader(head)
	if !ok {
		return true
	}
	return header.starts() && shellScanner().any(content)
}
