// Package inspect collects facts about a platform image from its config and its
// merged file tree: who its process is, whether that process could be started,
// which shells, tools and secrets lie in it, and how large it is.
//
// It decides nothing: a shell is a fact here and a finding only in package
// policy. It knows neither registries nor layers nor packages; it asks a
// sbom.Files and runs nothing of what it finds. Everything it reads is hostile,
// so each read is bounded (limits.go) and every parser accepts any bytes.
//
// # What it takes for granted
//
//   - Users and groups are resolved as container runtimes do it, by the same
//     code (github.com/moby/sys/user), and as the OCI image spec says it for
//     config.User.
//   - Root ignores permission bits, which means CAP_DAC_OVERRIDE, a default of
//     Docker, containerd and CRI-O. Nobody else has a capability.
//   - Access control lists, mounts and security modules are not in an image and not
//     looked at. Capabilities of files are found beside the setuid bit, as they raise
//     privileges, too; whether the entry point could be read is judged without them.
//   - A program is a file that the kernel would start: it has an execute bit and
//     begins as an ELF program or with an interpreter line (execve(2)). Text
//     without one is no program, whatever its name.
//   - Content of a packed or encrypted program is not unpacked: a shell that was
//     compressed with a packer is found by its name only.
//
// # Where the facts come from
//
// inspector.go is the order of things. config.go reads the config, user.go the
// passwd and group files; runnable.go starts the process on paper, by way of
// access.go, interpreter.go and elf.go. content.go classifies the programs of
// the tree with the names of programs.go and the marks of shells.go, which
// scan.go searches, and reads their capabilities (capability.go); secrets*.go and tokens.go look for credentials, size.go adds
// up. wants.go tells the reader of layers which content all this will need.
package inspect
