package admission

import (
	"errors"

	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// imageReviewType heads an ImageReview.
var imageReviewType = metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}

// imagePolicy answers ImageReviews.
type imagePolicy struct{}

func (imagePolicy) name() string { return "imagepolicy" }

func (imagePolicy) answer(h *Handler, c *call, body []byte) answer {
	r, err := readImageReview(body)
	if err != nil {
		return denied(ruleReview, err.Error())
	}
	c.namespace = r.namespace
	if h.exempt(r.namespace) {
		return exempted()
	}
	return h.review(c, r)
}

// readImageReview decodes an ImageReview. It has containers, init containers and
// ephemeral containers in one list, and nothing says which is which.
func readImageReview(body []byte) (review, error) {
	var asked imagepolicyv1.ImageReview
	if err := unmarshalClosed(body, &asked); err != nil {
		return review{}, err
	}
	if asked.TypeMeta != imageReviewType {
		return review{}, errors.New("it is no ImageReview of imagepolicy.k8s.io/v1alpha1, but " + asked.APIVersion + " " + asked.Kind)
	}
	images := make([]image, len(asked.Spec.Containers))
	for i, c := range asked.Spec.Containers {
		images[i] = image{name: c.Image}
	}
	return review{namespace: asked.Spec.Namespace, images: names(images, false), tokens: tokensOf(asked.Spec.Annotations)}, nil
}

func (imagePolicy) encode(_ *call, a answer) any {
	return &imagepolicyv1.ImageReview{
		TypeMeta: imageReviewType,
		Status:   imagepolicyv1.ImageReviewStatus{Allowed: a.allowed, Reason: a.reason, AuditAnnotations: a.audit},
	}
}
