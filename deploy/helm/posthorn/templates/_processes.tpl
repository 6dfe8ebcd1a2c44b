{{/*
What runs, by name: each process's values over `processDefaults`, and what follows from its roles:
`roles` ([ingest:http, …]), `services`, `http`, `doors` (others connect to it), `grace` and `shutdown` (seconds),
`least` and `most` (replicas), `max` (of its autoscaling).
*/}}
{{- define "posthorn.processes" -}}
{{- $code := .Files.Get "files/code.yaml" | fromYaml -}}
{{- $processes := dict -}}
{{- range $name, $given := .Values.processes -}}
{{- $process := mergeOverwrite (deepCopy $.Values.processDefaults) (deepCopy ($given | default dict)) -}}
{{- if $process.enabled -}}
{{- $_ := include "posthorn.process.roles" (list $process $code $name) -}}
{{- $_ := include "posthorn.process.budgets" (list $ $process) -}}
{{- $_ := set $processes $name $process -}}
{{- end -}}
{{- end -}}
{{- toYaml $processes -}}
{{- end }}

{{- define "posthorn.process.roles" -}}
{{- $process := index . 0 -}}
{{- $code := index . 1 -}}
{{- $roles := list -}}
{{- $services := list -}}
{{- range $process.run -}}
{{- $parts := splitList ":" . -}}
{{- $service := first $parts -}}
{{- $known := get $code.services $service | required (printf "processes.%s: no service %s" (index $ 2) $service) -}}
{{- $named := $known -}}
{{- if gt (len $parts) 1 }}{{ $named = splitList "," (last $parts) }}{{ end -}}
{{- $services = append $services $service | uniq -}}
{{- range $named -}}
{{- if not (has . $known) }}{{ fail (printf "processes.%s: %s has no role %s" (index $ 2) $service .) }}{{ end -}}
{{- $roles = append $roles (printf "%s:%s" $service .) | uniq -}}
{{- end -}}
{{- end -}}
{{- $http := false -}}
{{- range $roles }}{{ if hasSuffix ":http" . }}{{ $http = true }}{{ end }}{{ end -}}
{{- $_ := set $process "roles" $roles -}}
{{- $_ := set $process "services" $services -}}
{{- $_ := set $process "http" $http -}}
{{- $_ := set $process "doors" (or $http (has "ingest:smtp" $roles) (has "sender:returns" $roles)) -}}
{{- end }}

{{- define "posthorn.process.budgets" -}}
{{- $root := index . 0 -}}
{{- $process := index . 1 -}}
{{- $grace := 30 -}}
{{- $shutdown := 10 -}}
{{- range $process.roles -}}
{{- if not (hasSuffix ":http" .) }}{{ $grace = max $grace 60 }}{{ $shutdown = max $shutdown 25 }}{{ end -}}
{{- if eq . "sender:deliver" }}{{ $grace = max $grace 660 }}{{ $shutdown = max $shutdown 600 }}{{ end -}}
{{- end -}}
{{- $_ := set $process "grace" ($process.terminationGracePeriodSeconds | default $grace) -}}
{{- $_ := set $process "shutdown" ($process.shutdownSeconds | default $shutdown) -}}
{{- $scaling := $process.autoscaling -}}
{{- if eq $scaling.kind "none" -}}
{{- $_ := set $process "least" $process.replicas -}}
{{- $_ := set $process "most" $process.replicas -}}
{{- else -}}
{{- $most := $scaling.maxReplicas -}}
{{- if eq $scaling.kind "lag" }}{{ $most = min $most $root.Values.kafka.topicPartitions }}{{ end -}}
{{- $_ := set $process "least" (min $scaling.minReplicas $most) -}}
{{- $_ := set $process "most" $most -}}
{{- end -}}
{{- end }}

{{/* How many processes have a role, at `least` or at `most`: (processes, role, which). */}}
{{- define "posthorn.count" -}}
{{- $count := 0 -}}
{{- $role := index . 1 -}}
{{- $which := index . 2 -}}
{{- range $process := index . 0 -}}
{{- if has $role $process.roles }}{{ $count = add $count (get $process $which) }}{{ end -}}
{{- end -}}
{{- max 1 $count -}}
{{- end }}

{{/* The services whose role http runs, as {name: true}. */}}
{{- define "posthorn.answering" -}}
{{- $found := dict -}}
{{- range $process := . -}}
{{- range $process.roles }}{{ if hasSuffix ":http" . }}{{ $_ := set $found (trimSuffix ":http" .) true }}{{ end }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{/* Pod labels that say which roles a process has. */}}
{{- define "posthorn.roleLabels" -}}
{{- if .http }}
posthorn.role/http: "true"
{{- end }}
{{- range .roles }}
posthorn.role/{{ replace ":" "-" . }}: "true"
{{- end }}
{{- end }}

{{/* Not empty where some process has a role: (processes, role). */}}
{{- define "posthorn.runs" -}}
{{- $role := index . 1 -}}
{{- range $process := index . 0 }}{{ if has $role $process.roles }}yes{{ end }}{{ end -}}
{{- end }}
