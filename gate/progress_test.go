package gate_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

// Every step is told when it begins and when it has ended, in the order of the steps.
func TestProgressOfEveryStep(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	var mu sync.Mutex
	var steps []policy.Step
	open := map[policy.Step]bool{}
	check(t, engines(t), registry.Host()+"/app:v1", policy.StageBuild, gate.WithProgress(func(p gate.Progress) {
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, registry.Host()+"/app:v1", p.Reference)
		assert.Equal(t, p.Ended, open[p.Step], "%s", p.Step)
		open[p.Step] = !p.Ended
		if !p.Ended {
			steps = append(steps, p.Step)
		}
		if p.Step == policy.StepFiles {
			assert.Equal(t, "linux/amd64", p.Platform)
			assert.Positive(t, p.Layers)
			assert.Positive(t, p.Bytes)
		}
	}))
	assert.Equal(t, []policy.Step{
		policy.StepResolve, policy.StepSignatures, policy.StepConfig, policy.StepFiles, policy.StepSBOM, policy.StepVulnerabilities,
	}, steps)
	for step, is := range open {
		assert.False(t, is, "%s has not ended", step)
	}
}
