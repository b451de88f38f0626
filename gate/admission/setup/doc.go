// Package setup writes what an API server has to be told so that it asks a gate:
//
//	admission.yaml                AdmissionConfiguration, for --admission-control-config-file
//	imagepolicy-kubeconfig.yaml   how the plugin ImagePolicyWebhook reaches /imagepolicy
//	webhooks-kubeconfig.yaml      which certificate the API server shows to webhooks
//	webhooks.yaml                 ValidatingWebhookConfiguration and MutatingWebhookConfiguration
//
// The first three lie on the host of the API server and take effect when it starts,
// the last is for kubectl apply and takes effect at once. All of them fail closed:
// without an answer there is no pod.
//
// The package knows what a gate serves and where it is reached, and nothing of its
// policy. It reads and writes no file.
package setup
