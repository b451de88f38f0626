package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/imagegate/imagegate/policy"
)

// mutate answers AdmissionReviews with the digests of what is named by tag. It
// judges nothing: what it pins, /imagepolicy or /validate judges after it, by
// digest. An image that cannot be pinned is refused, since a node might pull
// another one than was judged.
type mutate struct{}

func (mutate) name() string { return "mutate" }

func (mutate) answer(h *Handler, c *call, body []byte) answer {
	request, early := begin(h, c, body)
	if early != nil {
		return *early
	}
	o, err := readObject(request.Kind, request.Object.Raw)
	if err != nil {
		return denied(ruleReview, err.Error())
	}
	if !h.pins(request.Namespace) || o.template && !h.pinTemplates {
		return answer{allowed: true, audit: map[string]string{"pinned": "off"}}
	}
	open := unpinned(o, request)
	if len(open) > h.limits.Images {
		return denied(ruleReview, tooMany(len(open), h.limits.Images))
	}
	return h.pinAll(c, open)
}

func (mutate) encode(c *call, a answer) any { return admissionResponse(c, a) }

// unpinned are the places where a tag is named and was not before: to pin an image
// of a running pod would restart it.
func unpinned(o object, request *admissionv1.AdmissionRequest) []image {
	before := map[image]bool{}
	if request.Operation == admissionv1.Update {
		if old, err := readObject(request.Kind, request.OldObject.Raw); err == nil {
			for _, i := range old.images {
				before[i] = true
			}
		}
	}
	var list []image
	for _, i := range o.images {
		if i.name != "" && !strings.Contains(i.name, "@") && !before[i] {
			list = append(list, i)
		}
	}
	return list
}

// operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

// pinAll makes the patch that puts digests to tags. The same review gives the same
// patch as long as the tags mean the same; a second round finds nothing to do.
func (h *Handler) pinAll(c *call, open []image) answer {
	leave, ok := h.enter(c)
	if !ok {
		return denied(ruleOverload, "too many reviews wait for their answer: try again in a moment")
	}
	defer leave()
	pinned, errs := make([]string, len(open)), make([]error, len(open))
	var group errgroup.Group
	for i, image := range open {
		group.Go(func() error {
			pinned[i], errs[i] = h.pin(c.ctx, image.name)
			return nil
		})
	}
	_ = group.Wait() // each image keeps its own error
	a := answer{allowed: true, audit: map[string]string{
		"pinned": strconv.Itoa(len(open)), "digest": auditList(pinned),
	}}
	var reasons []string
	var patch []operation
	for i, image := range open {
		if errs[i] != nil {
			v := undecided("", policy.RuleResolve, "the tag could not be pinned: "+errs[i].Error(), "name the image by digest, or try again")
			reasons = append(reasons, v.reason(image.name))
			continue
		}
		patch = append(patch,
			operation{"test", image.path, image.name},
			operation{"replace", image.path, image.name + "@" + pinned[i]})
	}
	if len(reasons) > 0 {
		a.allowed, a.reason = false, clip(strings.Join(reasons, "\n"), maxReasonText)
		return a
	}
	if len(patch) > 0 {
		a.patch, _ = json.Marshal(patch) // texts can be written
	}
	return a
}

// pin is the digest that a tag means. It is believed as long as any tag is.
func (h *Handler) pin(ctx context.Context, name string) (string, error) {
	q, err := newQuestion(name, "")
	if err != nil {
		return "", err
	}
	if digest, ok := h.tags.recall(q.reference, h.now()); ok {
		return digest, nil
	}
	asked := h.asking.DoChan(q.reference, func() (any, error) { return h.meaning(q.reference) })
	select {
	case got := <-asked:
		digest, _ := got.Val.(string)
		return digest, got.Err
	case <-ctx.Done():
		return "", fmt.Errorf("the registry did not say in time what it means: %w", ctx.Err())
	}
}

// meaning asks the registry what a tag means. Its time is not that of the request:
// others may be waiting for the same. A panic here, on a goroutine that belongs to
// no request, would end the process.
func (h *Handler) meaning(reference string) (digest string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			h.panicked(reason)
			err = errInternal
		}
	}()
	ctx, cancel := context.WithTimeout(h.checks.ctx, h.limits.AnswerTime)
	defer cancel()
	s := h.bench.take()
	defer s.release()
	if digest, err = s.Gate.Pin(ctx, reference); err == nil {
		h.tags.keep(reference, digest, h.now().Add(h.keep.Tag))
	}
	return digest, err
}

var errInternal = errors.New("internal error")
