package admission

import (
	"errors"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// admissionReviewType heads an AdmissionReview.
var admissionReviewType = metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}

// readAdmissionReview decodes an AdmissionReview. What it asks is returned with an
// error, too, if as much is known: the answer has to name its uid.
func readAdmissionReview(body []byte) (*admissionv1.AdmissionRequest, error) {
	var asked admissionv1.AdmissionReview
	err := unmarshal(body, &asked)
	switch {
	case err != nil:
		return asked.Request, err
	case asked.TypeMeta != admissionReviewType:
		return asked.Request, errors.New("it is no AdmissionReview of admission.k8s.io/v1, but " + asked.APIVersion + " " + asked.Kind)
	case asked.Request == nil || asked.Request.UID == "":
		return asked.Request, errors.New("it has no request with a uid")
	}
	return asked.Request, nil
}

// begin reads what both endpoints of AdmissionReview have in common. The answer is
// nil where the object has to be looked at.
func begin(h *Handler, c *call, body []byte) (*admissionv1.AdmissionRequest, *answer) {
	request, err := readAdmissionReview(body)
	if request != nil {
		c.uid, c.namespace = request.UID, request.Namespace
	}
	switch {
	case err != nil:
		a := denied(ruleReview, err.Error())
		return nil, &a
	case h.exempt(request.Namespace):
		a := exempted()
		return nil, &a
	case request.Operation == admissionv1.Delete || request.Operation == admissionv1.Connect:
		return nil, &answer{allowed: true} // nothing begins to run
	}
	return request, nil
}

// validate answers AdmissionReviews: may these images run?
type validate struct{}

func (validate) name() string { return "validate" }

func (validate) answer(h *Handler, c *call, body []byte) answer {
	request, early := begin(h, c, body)
	if early != nil {
		return *early
	}
	o, err := readObject(request.Kind, request.Object.Raw)
	if err != nil {
		return denied(ruleReview, err.Error())
	}
	r := review{namespace: request.Namespace, images: names(o.images, o.template), tokens: tokensOf(o.annotations), template: o.template}
	if h.keepAdmitted && request.Operation == admissionv1.Update {
		r.kept = before(request)
	}
	return h.review(c, r)
}

// before are the images of an object before its update. None, if that cannot be
// read: then all of them are judged.
func before(request *admissionv1.AdmissionRequest) map[string]bool {
	old, err := readObject(request.Kind, request.OldObject.Raw)
	if err != nil {
		return nil
	}
	kept := map[string]bool{}
	for _, i := range old.images {
		kept[i.name] = true
	}
	return kept
}

func (validate) encode(c *call, a answer) any { return admissionResponse(c, a) }

// admissionResponse is the answer in the form of AdmissionReview.
func admissionResponse(c *call, a answer) *admissionv1.AdmissionReview {
	response := &admissionv1.AdmissionResponse{
		UID: c.uid, Allowed: a.allowed, Warnings: a.warnings, AuditAnnotations: a.audit,
	}
	if !a.allowed {
		response.Result = &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: a.reason,
		}
	}
	if a.allowed && len(a.patch) > 0 {
		patchType := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = a.patch, &patchType
	}
	return &admissionv1.AdmissionReview{TypeMeta: admissionReviewType, Response: response}
}
