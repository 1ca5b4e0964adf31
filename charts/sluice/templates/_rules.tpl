{{- /*
What Sluice does in a namespace that it looks after. It never writes a ModelDeployment's
spec, reads no Secret or ConfigMap, starts no Pod and changes no Gateway. `update` on the
finalizers subresource is only what the API server asks of anyone who sets
blockOwnerDeletion in an owner reference.
*/ -}}
{{- define "sluice.namespaceRules" -}}
- apiGroups: [sluice.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [sluice.dev]
  resources: [modeldeployments/status, modelrevisions/status]
  verbs: [get, patch, update]
- apiGroups: [sluice.dev]
  resources: [modeldeployments/finalizers]
  verbs: [update]
- apiGroups: [sluice.dev]
  resources: [modelrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
