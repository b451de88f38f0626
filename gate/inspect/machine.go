package inspect

import (
	"encoding/binary"
	"slices"
)

// machine is which ELF files an architecture runs.
type machine struct {
	numbers []uint16 // e_machine
	order   binary.ByteOrder
}

// machines by the architecture of an image config, which is a GOARCH (OCI image
// spec). An amd64 kernel also runs 386 programs. Architectures that are not
// here are not judged.
var machines = map[string]machine{
	"386":      {[]uint16{3}, binary.LittleEndian},
	"amd64":    {[]uint16{62, 3}, binary.LittleEndian},
	"arm":      {[]uint16{40}, binary.LittleEndian},
	"arm64":    {[]uint16{183}, binary.LittleEndian},
	"loong64":  {[]uint16{258}, binary.LittleEndian},
	"mips":     {[]uint16{8}, binary.BigEndian},
	"mips64":   {[]uint16{8}, binary.BigEndian},
	"mips64le": {[]uint16{8}, binary.LittleEndian},
	"mipsle":   {[]uint16{8}, binary.LittleEndian},
	"ppc64":    {[]uint16{21}, binary.BigEndian},
	"ppc64le":  {[]uint16{21}, binary.LittleEndian},
	"riscv64":  {[]uint16{243}, binary.LittleEndian},
	"s390x":    {[]uint16{22}, binary.BigEndian},
}

func (m machine) runs(h elfHeader) bool {
	return m.order == h.order && slices.Contains(m.numbers, h.machine)
}
