package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/admission/setup"
)

// configFlags say what to print for API servers instead of serving.
type configFlags struct {
	print     string
	address   string
	ca        string
	folder    string
	service   string
	namespace string
}

// onStdout is --print-admission-config without a value.
const onStdout = "-"

func (f *configFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.print, "print-admission-config", "", "do not serve, but print what API servers have to be told to ask this server; =FOLDER writes it into files there")
	flags.Lookup("print-admission-config").NoOptDefVal = onStdout
	flags.StringVar(&f.address, "admission-url", "", "URL at which API servers reach this server, for --print-admission-config (default: that of --listen if it names a host, else the service)")
	flags.StringVar(&f.ca, "admission-ca", "", "certificate FILE of the authority that signed --tls-cert, for --print-admission-config (default: one that API servers trust anyhow)")
	flags.StringVar(&f.folder, "admission-folder", setup.DefaultFolder, "FOLDER on the hosts of API servers where they find what --print-admission-config wrote")
	flags.StringVar(&f.service, "admission-service", "imagegate", "NAME of the service of this server, for --print-admission-config")
	flags.StringVar(&f.namespace, "admission-namespace", "imagegate-system", "NAMESPACE of that service")
}

// printConfig writes what fits the flags.
func (f *serveFlags) printConfig() error {
	s := setup.Setup{
		Address:            f.config.address,
		Service:            setup.Service{Namespace: f.config.namespace, Name: f.config.service},
		ClientCertificates: f.tls.clientCA != "",
		Folder:             f.config.folder,
		ExemptNamespaces:   f.answers.exemptNamespaces,
		PinTemplates:       f.answers.pinTemplates,
	}
	if f.tls.plain {
		return usagef("give --tls-cert and --tls-key", "API servers ask over HTTPS, and --insecure-plain-http serves none")
	}
	if host, _, err := net.SplitHostPort(f.listen); err == nil && s.Address == "" && host != "" && !net.ParseIP(host).IsUnspecified() {
		s.Address = "https://" + f.listen
	}
	if f.config.ca != "" {
		ca, err := os.ReadFile(f.config.ca)
		if err != nil {
			return usagef("--admission-ca ca.pem", "reading the certificate authority: %w", err)
		}
		s.CA = ca
	}
	files, err := setup.Files(s)
	if err != nil {
		return usagef("imagegate serve --print-admission-config --admission-url https://127.0.0.1:8443", "%w", err)
	}
	return f.writeConfig(files)
}

func (f *serveFlags) writeConfig(files []setup.File) error {
	for i, file := range files {
		switch {
		case f.config.print != onStdout:
			if err := writeFile(filepath.Join(f.config.print, file.Name), file.Content); err != nil {
				return err
			}
			f.progressf("wrote %s", filepath.Join(f.config.print, file.Name))
		case i > 0:
			fmt.Fprintf(f.console.out, "---\n%s", file.Content)
		default:
			fmt.Fprintf(f.console.out, "%s", file.Content)
		}
	}
	return nil
}
