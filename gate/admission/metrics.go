package admission

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imagegate/imagegate/policy"
)

// metrics are what /metrics shows. No label holds what a pod says: its values are
// words of this package.
type metrics struct {
	reviews    *prometheus.CounterVec
	took       *prometheus.HistogramVec
	verdicts   *prometheus.CounterVec
	checkTook  *prometheus.HistogramVec
	breakGlass *prometheus.CounterVec
	panics     prometheus.Counter
	reloads    *prometheus.CounterVec
	reloadedAt *prometheus.GaugeVec
	failing    *prometheus.GaugeVec
	database   prometheus.Gauge

	mu     sync.Mutex
	policy *prometheus.GaugeVec
}

func newMetrics(h *Handler) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "imagegate", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "imagegate", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "imagegate", Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &metrics{
		reviews: counter("reviews_total", "Reviews answered.", "endpoint", "allowed"),
		took: histogram("review_duration_seconds", "Time from the request to its answer.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "endpoint"),
		verdicts:   counter("verdicts_total", "Verdicts about images, and where they came from.", "verdict", "source"),
		checkTook:  histogram("check_duration_seconds", "Time that a check took.", prometheus.ExponentialBuckets(.01, 2.5, 12), "verdict"),
		breakGlass: counter("breakglass_total", "Break-glass tokens by what became of them: used, refused, or for something else.", "result"),
		panics:     counter("panics_total", "Panics that were contained.").WithLabelValues(),
		reloads:    counter("reloads_total", "Times that a file was read anew.", "what", "result"),
		reloadedAt: gauge("reload_success_timestamp_seconds", "When a file was last read anew.", "what"),
		failing:    gauge("reload_failing", "1 where what a file says now cannot be used, and what it said before is in force.", "what"),
		database:   gauge("database_built_timestamp_seconds", "When the vulnerability database was built; 0 where there is none.").WithLabelValues(),
		policy:     gauge("policy_info", "The policy in force.", "name", "hash"),
	}
	build := gauge("build_info", "This program.", "version")
	build.WithLabelValues(h.tool.Version).Set(1)
	for _, c := range []prometheus.Collector{m.reviews, m.took, m.verdicts, m.checkTook, m.breakGlass, m.panics,
		m.reloads, m.reloadedAt, m.failing, m.database, m.policy, build, h.gauges()} {
		if err := h.registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// gauges are read when somebody asks.
func (h *Handler) gauges() prometheus.Collector {
	state := func(name, help string) *prometheus.Desc { return prometheus.NewDesc("imagegate_"+name, help, nil, nil) }
	return readings{
		state("checks_running", "Checks that run now."): func() int { running, _ := h.checks.count(); return running },
		state("checks_waiting", "Checks that wait for their turn."): func() int {
			running, underWay := h.checks.count()
			return max(underWay-running, 0)
		},
		state("remembered_verdicts", "Verdicts that are remembered in this process."): func() int { return h.memory.len() },
	}
}

// readings are gauges with the functions that read them.
type readings map[*prometheus.Desc]func() int

// Describe implements prometheus.Collector.
func (r readings) Describe(to chan<- *prometheus.Desc) {
	for description := range r {
		to <- description
	}
}

// Collect implements prometheus.Collector.
func (r readings) Collect(to chan<- prometheus.Metric) {
	for description, read := range r {
		to <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, float64(read()))
	}
}

func (m *metrics) answered(endpoint string, allowed bool, took time.Duration) {
	m.reviews.WithLabelValues(endpoint, strconv.FormatBool(allowed)).Inc()
	m.took.WithLabelValues(endpoint).Observe(took.Seconds())
}

func (m *metrics) checked(d policy.Decision, took time.Duration) {
	m.checkTook.WithLabelValues(string(d)).Observe(took.Seconds())
}

// installed shows which policy and database are in force.
func (m *metrics) installed(s *seat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policy.Reset()
	m.policy.WithLabelValues(s.Policy.Name(), s.policyHash).Set(1)
	built := 0.0
	if s.Database != nil {
		built = float64(s.Database.Built.Unix())
	}
	m.database.Set(built)
}
