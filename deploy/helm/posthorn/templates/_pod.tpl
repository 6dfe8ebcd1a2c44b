{{- define "posthorn.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "posthorn.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A container without its ports and probes: (root, process, name, ConfigMap, args). */}}
{{- define "posthorn.container" -}}
{{- $root := index . 0 -}}
{{- $process := index . 1 -}}
name: {{ index . 2 }}
image: {{ include "posthorn.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
args:
  {{- toYaml (index . 4) | nindent 2 }}
securityContext:
  {{- include "posthorn.containerSecurity" $root | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ index . 3 }}
env:
  {{- include "posthorn.secrets" (list $root $process) | trim | nindent 2 }}
  {{- if $root.Values.telemetry.otlpEndpoint }}
  {{- include "posthorn.identity" $root | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml $process.resources | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- range $name, $_ := include "posthorn.files" (list $root $process) | fromYaml }}
  - name: {{ $name }}
    mountPath: /etc/posthorn/{{ $name }}
    readOnly: true
  {{- end }}
  {{- with $process.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* What every pod has beside its containers: (root, process). */}}
{{- define "posthorn.pod" -}}
{{- $root := index . 0 -}}
{{- $process := index . 1 -}}
serviceAccountName: {{ include "posthorn.serviceAccountName" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- include "posthorn.podSecurity" $root | nindent 2 }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with get $process $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  {{- range $name, $file := include "posthorn.files" (list $root $process) | fromYaml }}
  - name: {{ $name }}
    secret:
      secretName: {{ $file.secret }}
      defaultMode: 0440
      {{- with $file.items }}
      items:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- end }}
  {{- with $process.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
