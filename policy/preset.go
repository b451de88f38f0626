package policy

import (
	"embed"
	"fmt"
	"slices"
)

//go:embed preset/*.yaml
var presets embed.FS

// PresetNames are the presets that a policy can extend, from the mildest.
func PresetNames() []string { return []string{"baseline", "restricted"} }

// Preset returns a preset as a policy of its own. The error names the nearest
// preset.
func Preset(name string) (*Policy, error) {
	data, err := PresetYAML(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", data)
}

// PresetYAML is the commented document of a preset.
func PresetYAML(name string) ([]byte, error) {
	if !slices.Contains(PresetNames(), name) {
		return nil, unknownWord("preset", name, PresetNames())
	}
	return presets.ReadFile("preset/" + name + ".yaml")
}

// Init is a commented policy to start from; it extends restricted.
func Init() []byte {
	data, err := presets.ReadFile("preset/starter.yaml")
	if err != nil {
		panic(fmt.Errorf("reading the starter policy, which is compiled in: %w", err))
	}
	return data
}
