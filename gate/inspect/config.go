package inspect

import (
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/policy"
)

// defaultPath is the PATH of a container whose config has none
// (containerd, Docker and runc agree on it).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// configFacts copies what the config says, within bounds.
func configFacts(config *v1.ConfigFile) policy.Config {
	facts := policy.Config{
		User:         bounded(config.Config.User),
		Entrypoint:   boundedAll(config.Config.Entrypoint),
		Cmd:          boundedAll(config.Config.Cmd),
		WorkingDir:   bounded(config.Config.WorkingDir),
		Labels:       labels(config),
		ExposedPorts: slices.Sorted(maps.Keys(config.Config.ExposedPorts)),
	}
	facts.ExposedPorts = boundedAll(facts.ExposedPorts)
	for _, id := range config.RootFS.DiffIDs {
		facts.DiffIDs = append(facts.DiffIDs, id.String())
	}
	if created := config.Created.Time; !created.IsZero() {
		facts.Created = &created
	}
	return facts
}

// isLinux is true also where the config does not say: Docker's old configs.
func isLinux(config *v1.ConfigFile) bool {
	return config.OS == "" || config.OS == "linux"
}

// labels are the first maxItems labels in the order of their names.
func labels(config *v1.ConfigFile) map[string]string {
	out := make(map[string]string, min(len(config.Config.Labels), maxItems))
	for _, name := range firstNames(config.Config.Labels) {
		out[bounded(name)] = bounded(config.Config.Labels[name])
	}
	return out
}

func firstNames(labels map[string]string) []string {
	names := slices.Sorted(maps.Keys(labels))
	return names[:min(len(names), maxItems)]
}

// environment is the config's environment as the process sees it: the last
// value of a name counts (runc), PATH is there even if the config has none.
func environment(config *v1.ConfigFile) map[string]string {
	env := map[string]string{"PATH": defaultPath}
	for _, entry := range config.Config.Env[:min(len(config.Config.Env), maxItems)] {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			env[bounded(name)] = bounded(value)
		}
	}
	return env
}

// bounded cuts a hostile string. No honest one is that long.
func bounded(text string) string {
	if len(text) > maxText {
		return text[:maxText]
	}
	return text
}

func boundedAll(texts []string) []string {
	out := []string{} // the report has lists, never null
	for _, text := range texts[:min(len(texts), maxItems)] {
		out = append(out, bounded(text))
	}
	return out
}
