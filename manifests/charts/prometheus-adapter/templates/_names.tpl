{{- define "adapter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "adapter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "adapter.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "adapter.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "adapter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "adapter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "adapter.selector" -}}
app.kubernetes.io/name: {{ include "adapter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* metadata of one object: pass a dict with root, name and, for what lives in a namespace, namespaced */}}
{{- define "adapter.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "adapter.selector" .root | nindent 2 }}
  app.kubernetes.io/component: metrics
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  {{- with .root.Values.customLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge dict (.annotations | default dict) .root.Values.customAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "adapter.config" -}}
rules:
{{- if .Values.rules.default }}
{{ .Files.Get "files/default-rules.yaml" | trim }}
{{- end }}
{{- with .Values.rules.custom }}
{{ toYaml . }}
{{- end }}
{{- if not (or .Values.rules.default .Values.rules.custom) }} []
{{- end }}
{{- with .Values.rules.external }}
externalRules:
{{ toYaml . }}
{{- end }}
{{- with .Values.rules.resource }}
resourceRules:
{{ toYaml . | indent 2 }}
{{- end }}
{{- end -}}
