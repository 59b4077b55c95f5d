{{/*
The certificate by which the API server knows the adapter: made once, kept by every upgrade, renewed by the first one
a year later. Sets .Values.certificate, so that every template of one run sees the same: cert, key, ca (what signed
it), trusted (the CAs that the API server takes: while pods go from one certificate to the next, both) and renewAfter.
The CA's own key is thrown away: it signs this one certificate.
*/}}
{{- define "adapter.certificate" -}}
{{- if not .Values.certificate }}
{{- $service := include "adapter.fullname" . }}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace (printf "%s-certificate" $service)) | default dict }}
{{- $data := $kept.data | default dict }}
{{- $renewAfter := dig "metadata" "annotations" "hpawalk/renew-after" "0" $kept }}
{{- $whole := and (index $data "tls.crt") (index $data "tls.key") (index $data "ca.crt") }}
{{- $now := now | unixEpoch | int64 }}
{{- $certificate := dict }}
{{- if and $whole (lt $now ($renewAfter | int64)) }}
{{- $ca := index $data "ca.crt" | b64dec }}
{{- $certificate = dict "cert" (index $data "tls.crt" | b64dec) "key" (index $data "tls.key" | b64dec) "ca" $ca "trusted" $ca "renewAfter" $renewAfter }}
{{- else }}
{{- $ca := genCAWithKey (printf "%s-ca" $service) 3650 (genPrivateKey "ecdsa") }}
{{- $names := list (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s.svc.cluster.local" $service .Release.Namespace) }}
{{- $signed := genSignedCertWithKey (first $names) nil $names 3650 $ca (genPrivateKey "ecdsa") }}
{{- $trusted := $ca.Cert }}
{{- if $whole }}
{{- $trusted = printf "%s%s" $ca.Cert (index $data "ca.crt" | b64dec) }}
{{- end }}
{{- $certificate = dict "cert" $signed.Cert "key" $signed.Key "ca" $ca.Cert "trusted" $trusted "renewAfter" (printf "%d" (add $now 31536000)) }}
{{- end }}
{{- $_ := set .Values "certificate" $certificate }}
{{- end }}
{{- end -}}
