{{- define "posthorn.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* The release's name, which the names of all objects begin with. */}}
{{- define "posthorn.fullname" -}}
{{- $name := include "posthorn.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "posthorn.selector" -}}
app.kubernetes.io/name: {{ include "posthorn.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of an object of a component: (root, component, more labels, …). */}}
{{- define "posthorn.labels" -}}
{{- $root := index . 0 -}}
{{- $labels := include "posthorn.selector" $root | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/component" (index . 1) -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" "posthorn" -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "app.kubernetes.io/version" (include "posthorn.version" $root) -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- range (prepend (slice . 2) $root.Values.commonLabels) -}}
{{- $labels = mergeOverwrite $labels (deepCopy (. | default dict)) -}}
{{- end -}}
{{- toYaml $labels -}}
{{- end }}

{{/* A tag as a label's value. */}}
{{- define "posthorn.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion | replace "+" "_" | trunc 63 | trimAll "-_." -}}
{{- end }}

{{/* An object's metadata: (root, name, component, the values with its labels and annotations, more annotations). */}}
{{- define "posthorn.metadata" -}}
{{- $root := index . 0 -}}
{{- $own := index . 3 | default dict -}}
{{- $more := dict -}}
{{- if gt (len .) 4 }}{{ $more = index . 4 }}{{ end -}}
{{- $annotations := mergeOverwrite (deepCopy $root.Values.commonAnnotations) (deepCopy ($own.annotations | default dict)) $more -}}
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "posthorn.labels" (list $root (index . 2) ($own.labels | default dict)) | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "posthorn.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "posthorn.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "posthorn.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{/* Host names in front: (root, what is given). */}}
{{- define "posthorn.hosts" -}}
{{- $root := index . 0 -}}
{{- toYaml (index . 1 | default (list (get (urlParse $root.Values.publicUrl) "hostname"))) -}}
{{- end }}
