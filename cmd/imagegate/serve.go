package main

import (
	"context"
	"log/slog"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/cmd/imagegate/collector"
	"github.com/imagegate/imagegate/gate/admission"
)

// serveFlags are the values of serve's flags.
type serveFlags struct {
	*shared
	policy   policyFlags
	images   imageFlags
	database databaseFlags
	tls      tlsFlags
	answers  answerFlags
	config   configFlags
	strange  strangerFlags
	glass    glassFlags
	nats     natsFlags

	listen         string
	probes         string
	reload         time.Duration
	databaseUpdate time.Duration
	shutdownDelay  time.Duration
	shutdownTime   time.Duration
}

func newServe(s *shared) *cobra.Command {
	f := &serveFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer Kubernetes API servers: may the images of this pod run?",
		Long: `Answer the admission reviews of Kubernetes API servers over HTTPS:

  POST /imagepolicy   ImageReview (the plugin ImagePolicyWebhook)
  POST /validate      AdmissionReview: pods, and the templates of workloads
  POST /mutate        AdmissionReview: tags are pinned to digests
  GET  /healthz /readyz /metrics /version

A review is answered always, within the time that the API server waits, and with
a refusal where it could not be judged: pods are let in by a verdict, never by a
fault. Verdicts are remembered; identical questions share one check; a check that
takes longer than the API server waits goes on, and the next try finds its verdict.

What a pod names is not ours: --allow-registry says which registries may be asked,
and addresses inside (loopback, private, link-local, metadata services) are refused
after names were resolved and for redirects too, but for those in --allow-private.

What is found out is remembered in the cache folder or, with --nats, in a NATS
JetStream bucket that replicas share. Its loss costs time and never a verdict.

A pod that is refused can be let in by a break-glass token in an annotation, if its
signer's key is given (--breakglass-key); see imagegate breakglass.

An ImageReview names no image volumes: use /validate too, or /validate alone.

Certificates, client CA, policy, keys, trusted root and database are read anew when
they change. What cannot be used is reported by /readyz, the log and the metrics,
and what was there before stays in force.

To get out of a deadlock, where the gate refuses what it needs to run itself: give
the namespace that it runs in to --exempt-namespace, and its own image, by digest,
to --exempt-image, before the webhook is switched on. Where it is too late, remove
the plugin from the API server's --enable-admission-plugins (it reads its flags at
its start), or: kubectl delete validatingwebhookconfiguration,mutatingwebhookconfiguration NAME

exit codes: 0 ended by a signal · 2 usage or configuration · 3 could not serve`,
		Example: `  # the preset restricted and a key; the API server shows a certificate of ca.pem
  imagegate serve --tls-cert tls.crt --tls-key tls.key --client-ca ca.pem --key cosign.pub

  # a policy that Kubernetes mounts; the gate itself is never refused
  imagegate serve --tls-cert /tls/tls.crt --tls-key /tls/tls.key --policy /policy \
    --exempt-namespace imagegate-system --probe-listen :8080

  # what the API server beside it has to be told
  imagegate serve --print-admission-config --listen 127.0.0.1:8443 --admission-ca ca.pem --client-ca ca.pem

  # on a laptop
  imagegate serve --listen 127.0.0.1:8443 --insecure-plain-http --insecure-skip-signatures \
    --allow-private 127.0.0.1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.config.print != "" {
				return f.printConfig()
			}
			return f.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	f.policy.register(flags)
	f.images.register(flags)
	f.database.register(flags)
	f.tls.register(flags)
	f.answers.register(flags)
	f.strange.register(flags)
	f.config.register(flags)
	f.glass.register(flags)
	f.nats.register(flags)
	flags.StringVar(&f.listen, "listen", ":8443", "ADDRESS to answer reviews on")
	flags.StringVar(&f.probes, "probe-listen", "", "ADDRESS for /healthz, /readyz, /metrics and /version over plain HTTP (default: they are at --listen)")
	flags.DurationVar(&f.reload, "reload-interval", 2*time.Second, "how often to look whether files have changed")
	flags.DurationVar(&f.databaseUpdate, "db-update-interval", 6*time.Hour, "how often to look for a newer database; never with --offline")
	flags.DurationVar(&f.shutdownDelay, "shutdown-delay", 0, "how long to answer on after SIGTERM while /readyz says no, so that load balancers notice")
	flags.DurationVar(&f.shutdownTime, "shutdown-timeout", 30*time.Second, "how long to wait for reviews that have begun")
	completePolicies(cmd)
	return cmd
}

// run serves until the context ends.
func (f *serveFlags) run(ctx context.Context) error {
	collector.Serve()
	seen := f.fingerprints()
	registry := newRegistry()
	queue := newLogQueue(f.console.err, registry)
	defer queue.flush()
	log := slog.New(slog.NewJSONHandler(queue, nil))
	flush, err := traceIfAsked(ctx)
	if err != nil {
		return err
	}
	defer flush()
	certificates, err := f.tls.load(f.probes == "")
	if err != nil {
		return err
	}
	glass, err := f.glass.load()
	if err != nil {
		return err
	}
	judges, err := f.newJudges(ctx, log)
	if err != nil {
		return err
	}
	defer judges.close()
	handler, err := f.newHandler(log, registry, judges, glass)
	if err != nil {
		return err
	}
	defer handler.Close()

	background, stop := context.WithCancel(ctx)
	defer stop()
	go f.watch(background, handler, f.watched(seen, handler, judges, certificates, glass))
	go f.keepDatabase(background, log)
	go judges.sweep(background)
	return f.serve(ctx, log, handler, certificates)
}

// newHandler answers by what policy and database are now.
func (f *serveFlags) newHandler(log *slog.Logger, registry *prometheus.Registry, judges *judges, glass *glass) (*admission.Handler, error) {
	judge, err := judges.appoint()
	if err != nil {
		return nil, err
	}
	options := append(f.answers.options(),
		admission.WithLog(log), admission.WithVersion(tool()), admission.WithStore(judges.memory.Memory),
		admission.WithRegistry(registry))
	if glass != nil {
		options = append(options, admission.WithBreakGlass(glass))
	}
	handler, err := admission.New(judge, options...)
	if err != nil {
		return nil, usagef("imagegate serve --help", "%w", err)
	}
	return handler, nil
}

// newRegistry shows memory, goroutines and open files of this process, too; and the
// heap that is live after a collection, since what is in use at a moment is mostly
// garbage here (package collector).
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	live := collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/gc/heap/live:bytes$")}
	registry.MustRegister(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(live)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
