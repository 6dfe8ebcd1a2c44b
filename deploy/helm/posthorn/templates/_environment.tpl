{{/* The settings that a ConfigMap holds: (root, process, all processes). */}}
{{- define "posthorn.settings" -}}
{{- $root := index . 0 -}}
{{- $values := $root.Values -}}
{{- $process := index . 1 -}}
{{- $processes := index . 2 -}}
{{- $roles := $process.roles -}}
{{- $data := mergeOverwrite (deepCopy $values.settings) (deepCopy ($process.settings | default dict)) -}}
{{- $_ := set $data "POSTHORN_PUBLIC_URL" $values.publicUrl -}}
{{- $_ := set $data "POSTHORN_SHUTDOWN_SECONDS" $process.shutdown -}}
{{- range $name := list "HTTP" "HEALTH" -}}
{{- $_ := set $data (printf "POSTHORN_%s_HOST" $name) $values.bindAddress -}}
{{- end -}}
{{- $_ := set $data "POSTHORN_HTTP_PORT" 8080 -}}
{{- $_ := set $data "POSTHORN_HEALTH_PORT" 9464 -}}
{{- $_ := set $data "POSTHORN_KAFKA_BOOTSTRAP" $values.kafka.bootstrap -}}
{{- $_ := set $data "POSTHORN_TOPIC_PREFIX" $values.kafka.topicPrefix -}}
{{- $_ := set $data "POSTHORN_TOPIC_REPLICAS" $values.kafka.topicReplicas -}}
{{- $_ := set $data "POSTHORN_TOPIC_PARTITIONS" $values.kafka.topicPartitions -}}
{{- if ne $values.kafka.securityProtocol "PLAINTEXT" -}}
{{- $_ := set $data "POSTHORN_KAFKA_SECURITY_PROTOCOL" $values.kafka.securityProtocol -}}
{{- end -}}
{{- if hasPrefix "SASL" $values.kafka.securityProtocol -}}
{{- $_ := set $data "POSTHORN_KAFKA_SASL_MECHANISM" $values.kafka.saslMechanism -}}
{{- end -}}
{{- if $values.kafka.ca.existingSecret -}}
{{- $_ := set $data "POSTHORN_KAFKA_CA_FILE" "/etc/posthorn/kafka-ca/ca.crt" -}}
{{- end -}}
{{- if not $values.mongodb.urlSecret.existingSecret -}}
{{- $_ := set $data "POSTHORN_MONGO_URL" $values.mongodb.url -}}
{{- end -}}
{{- if $values.mongodb.authSource -}}
{{- $_ := set $data "POSTHORN_MONGO_AUTH_SOURCE" $values.mongodb.authSource -}}
{{- end -}}
{{- if $values.mongodb.ca.existingSecret -}}
{{- $_ := set $data "POSTHORN_MONGO_CA_FILE" "/etc/posthorn/mongodb-ca/ca.crt" -}}
{{- end -}}
{{- if $values.returnsDomain }}{{ $_ := set $data "POSTHORN_RETURNS_DOMAIN" $values.returnsDomain }}{{ end -}}
{{- if $values.telemetry.otlpEndpoint }}{{ $_ := set $data "POSTHORN_OTLP_ENDPOINT" $values.telemetry.otlpEndpoint }}{{ end -}}
{{- $_ := include "posthorn.settings.roles" (list $root $process $processes $data) -}}
{{- range $name, $value := $data -}}
{{- if kindIs "float64" $value }}{{ $_ := set $data $name (toJson $value) }}{{ else }}{{ $_ := set $data $name (toString $value) }}{{ end -}}
{{- end -}}
{{- toYaml $data -}}
{{- end }}

{{/* What single roles need, added to the dictionary: (root, process, all processes, dictionary). */}}
{{- define "posthorn.settings.roles" -}}
{{- $values := (index . 0).Values -}}
{{- $process := index . 1 -}}
{{- $processes := index . 2 -}}
{{- $roles := $process.roles -}}
{{- $data := index . 3 -}}
{{- if has "ingest:http" $roles -}}
{{- $_ := set $data "POSTHORN_HTTP_REPLICAS" (include "posthorn.count" (list $processes "ingest:http" "least")) -}}
{{- $_ := set $data "POSTHORN_SMTP_PUBLIC_HOST" $values.smtp.hostname -}}
{{- if $values.oidc.issuer -}}
{{- $_ := set $data "POSTHORN_OIDC_ISSUER" $values.oidc.issuer -}}
{{- $_ := set $data "POSTHORN_OIDC_CLIENT_ID" $values.oidc.clientId -}}
{{- end -}}
{{- if include "posthorn.describesAll" (list $process $processes) -}}
{{- $_ := set $data "POSTHORN_OPENAPI_FILE" "/tmp/openapi.json" -}}
{{- end -}}
{{- end -}}
{{- if has "ingest:smtp" $roles -}}
{{- $_ := set $data "POSTHORN_SMTP_HOST" $values.bindAddress -}}
{{- $_ := set $data "POSTHORN_SMTP_PORT" 2587 -}}
{{- $_ := set $data "POSTHORN_SMTPS_PORT" 2465 -}}
{{- $_ := set $data "POSTHORN_SMTP_HOSTNAME" $values.smtp.hostname -}}
{{- $_ := set $data "POSTHORN_SMTP_CERTIFICATE_FILE" "/etc/posthorn/smtp-tls/tls.crt" -}}
{{- $_ := set $data "POSTHORN_SMTP_KEY_FILE" "/etc/posthorn/smtp-tls/tls.key" -}}
{{- end -}}
{{- if has "sender:returns" $roles -}}
{{- $_ := set $data "POSTHORN_RETURNS_HOST" $values.bindAddress -}}
{{- $_ := set $data "POSTHORN_RETURNS_PORT" 2526 -}}
{{- $_ := set $data "POSTHORN_RETURNS_HOSTNAME" $values.returns.hostname -}}
{{- if $values.returns.tls.existingSecret -}}
{{- $_ := set $data "POSTHORN_RETURNS_CERTIFICATE_FILE" "/etc/posthorn/returns-tls/tls.crt" -}}
{{- $_ := set $data "POSTHORN_RETURNS_KEY_FILE" "/etc/posthorn/returns-tls/tls.key" -}}
{{- end -}}
{{- end -}}
{{- if and (has "sender:deliver" $roles) $values.dkim.existingSecret -}}
{{- $_ := set $data "POSTHORN_DKIM_DOMAIN" $values.dkim.domain -}}
{{- $_ := set $data "POSTHORN_DKIM_SELECTOR" $values.dkim.selector -}}
{{- $_ := set $data "POSTHORN_DKIM_KEY_FILE" "/etc/posthorn/dkim/dkim.pem" -}}
{{- end -}}
{{- if has "webhooks:dispatch" $roles -}}
{{- $_ := set $data "POSTHORN_WEBHOOK_REPLICAS" (include "posthorn.count" (list $processes "webhooks:dispatch" "most")) -}}
{{- end -}}
{{- end }}

{{/* Not empty where a process with ingest's http does not answer for all services: it serves a document made before. */}}
{{- define "posthorn.describesAll" -}}
{{- $process := index . 0 -}}
{{- if has "ingest:http" $process.roles -}}
{{- range $service, $_ := include "posthorn.answering" (index . 1) | fromYaml -}}
{{- if not (has (printf "%s:http" $service) $process.roles) }}yes{{ end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* One variable out of a Secret: (variable, Secret, entry, optional). */}}
{{- define "posthorn.secret" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
      {{- if gt (len .) 3 }}
      optional: true
      {{- end }}
{{- end }}

{{/* The Secret of a process's user: (own, credentials, services). */}}
{{- define "posthorn.userSecret" -}}
{{- $services := index . 2 -}}
{{- $of := "" -}}
{{- if eq (len $services) 1 }}{{ $of = get (index . 1).services (first $services) }}{{ end -}}
{{- index . 0 | default $of | default (index . 1).existingSecret -}}
{{- end }}

{{/* The variables that come out of Secrets: (root, process). */}}
{{- define "posthorn.secrets" -}}
{{- $values := (index . 0).Values -}}
{{- $process := index . 1 -}}
{{- $keys := $values.keys -}}
{{ include "posthorn.secret" (list "POSTHORN_PEPPER" $keys.existingSecret $keys.pepper) }}
{{ include "posthorn.secret" (list "POSTHORN_TOKEN_KEY" $keys.existingSecret $keys.tokenKey) }}
{{ include "posthorn.secret" (list "POSTHORN_ENCRYPTION_KEY" $keys.existingSecret $keys.encryptionKey) }}
{{ include "posthorn.secret" (list "POSTHORN_OTHER_TOKEN_KEYS" $keys.existingSecret $keys.otherTokenKeys true) }}
{{ include "posthorn.secret" (list "POSTHORN_OTHER_ENCRYPTION_KEYS" $keys.existingSecret $keys.otherEncryptionKeys true) }}
{{- if $process.http }}
{{ include "posthorn.secret" (list "POSTHORN_OPERATOR_TOKEN" $keys.existingSecret $keys.operatorToken true) }}
{{- end }}
{{- if and (has "ingest:http" $process.roles) $values.oidc.existingSecret }}
{{ include "posthorn.secret" (list "POSTHORN_OIDC_CLIENT_SECRET" $values.oidc.existingSecret $values.oidc.key) }}
{{- end }}
{{- if hasPrefix "SASL" $values.kafka.securityProtocol }}
{{- $user := include "posthorn.userSecret" (list $process.kafkaSecret $values.kafka.credentials $process.services) | required "kafka.credentials.existingSecret is needed with a SASL protocol" }}
{{ include "posthorn.secret" (list "POSTHORN_KAFKA_USERNAME" $user $values.kafka.credentials.username) }}
{{ include "posthorn.secret" (list "POSTHORN_KAFKA_PASSWORD" $user $values.kafka.credentials.password) }}
{{- end }}
{{- if $values.mongodb.urlSecret.existingSecret }}
{{ include "posthorn.secret" (list "POSTHORN_MONGO_URL" $values.mongodb.urlSecret.existingSecret $values.mongodb.urlSecret.key) }}
{{- end }}
{{- with include "posthorn.userSecret" (list $process.mongodbSecret $values.mongodb.credentials $process.services) }}
{{ include "posthorn.secret" (list "POSTHORN_MONGO_USERNAME" . $values.mongodb.credentials.username) }}
{{ include "posthorn.secret" (list "POSTHORN_MONGO_PASSWORD" . $values.mongodb.credentials.password) }}
{{- end }}
{{- end }}

{{/* Who sends spans, by OpenTelemetry's conventions for Kubernetes. */}}
{{- define "posthorn.identity" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ printf "k8s.namespace.name=%s,k8s.pod.name=$(POD_NAME),k8s.node.name=$(NODE_NAME),service.instance.id=$(POD_NAME)" .Release.Namespace }}
{{- end }}

{{/* Files out of Secrets, as {name: {secret, items}}: (root, process). */}}
{{- define "posthorn.files" -}}
{{- $values := (index . 0).Values -}}
{{- $roles := (index . 1).roles -}}
{{- with $values.kafka.ca.existingSecret }}
kafka-ca: {secret: {{ . }}, items: [{key: {{ $values.kafka.ca.key }}, path: ca.crt}]}
{{- end }}
{{- with $values.mongodb.ca.existingSecret }}
mongodb-ca: {secret: {{ . }}, items: [{key: {{ $values.mongodb.ca.key }}, path: ca.crt}]}
{{- end }}
{{- if has "ingest:smtp" $roles }}
smtp-tls: {secret: {{ required "smtp.tls.existingSecret is needed for the role smtp" $values.smtp.tls.existingSecret }}}
{{- end }}
{{- if and (has "sender:returns" $roles) $values.returns.tls.existingSecret }}
returns-tls: {secret: {{ $values.returns.tls.existingSecret }}}
{{- end }}
{{- if and (has "sender:deliver" $roles) $values.dkim.existingSecret }}
dkim: {secret: {{ $values.dkim.existingSecret }}, items: [{key: {{ $values.dkim.key }}, path: dkim.pem}]}
{{- end }}
{{- end }}
