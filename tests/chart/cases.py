"""Values that the chart is tried with: every flag, alone on the small example or with what it needs."""

from __future__ import annotations

from typing import Any

SASL = {"securityProtocol": "SASL_SSL", "credentials": {"existingSecret": "posthorn-kafka"}}
DOOR = {
    "type": "LoadBalancer",
    "loadBalancerClass": "example.com/public",
    "loadBalancerSourceRanges": ["198.51.100.0/24"],
    "annotations": {"example.com/address": "public"},
}
PUBLIC = {"parentRefs": [{"name": "public", "namespace": "gateways"}]}

FLAGS: dict[str, dict[str, Any]] = {
    "names": {"fullnameOverride": "post", "nameOverride": "horn"},
    "labels": {"commonLabels": {"team": "mail"}, "commonAnnotations": {"example.com/cost": "4711"}},
    "image": {"image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]}},
    "settings": {"settings": {"POSTHORN_TRACE_RATIO": 0.5, "POSTHORN_MAX_BODY_BYTES": 20971520, "POSTHORN_DANE": True}},
    "ingress": {"ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "mail-tls"}]}},
    "tracked": {"ingress": {"enabled": True, "hosts": ["mail.example.com", "track.example.net"]}},
    "gateway": {"ingress": {"enabled": False}, "gateway": {"enabled": True, **PUBLIC}},
    "sasl": {"kafka": {**SASL, "ca": {"existingSecret": "kafka-ca"}}},
    "sasl-lag": {
        "kafka": {**SASL, "ca": {"existingSecret": "kafka-ca"}, "topicPrefix": "eu."},
        "processes": {"router": {"autoscaling": {"kind": "lag"}}},
    },
    "mongodb-url": {"mongodb": {"urlSecret": {"existingSecret": "posthorn-mongodb", "key": "uri"}}},
    "mongodb-tls": {
        "mongodb": {"credentials": {"existingSecret": "posthorn-mongodb"}, "ca": {"existingSecret": "mongodb-ca"}}
    },
    "doors": {"smtp": {"service": {**DOOR, "startTlsPorts": [25, 587]}}, "returns": {"service": DOOR}},
    "returns-tls": {"returns": {"tls": {"existingSecret": "posthorn-returns-tls"}}},
    "dkim": {"dkim": {"domain": "example.com", "selector": "posthorn", "existingSecret": "posthorn-dkim"}},
    "oidc": {"oidc": {"issuer": "https://id.example.com", "existingSecret": "posthorn-oidc"}},
    "otlp": {"telemetry": {"otlpEndpoint": "http://collector.observability.svc:4318"}},
    "cpu": {"processes": {"http": {"autoscaling": {"kind": "cpu"}}}},
    "lag": {"processes": {"suppression": {"autoscaling": {"kind": "lag", "maxReplicas": 50}}}},
    "age": {"processes": {"sender": {"autoscaling": {"kind": "age"}}}},
    "replicas": {"processes": {"http": {"replicas": 3}, "webhooks": {"replicas": 2}}},
    "placed": {
        "processes": {
            "sender": {
                "strategy": {"maxSurge": 0, "maxUnavailable": 1},
                "nodeSelector": {"example.com/mail": "out"},
                "tolerations": [{"key": "example.com/mail", "operator": "Exists"}],
                "podAnnotations": {"example.com/source": "198.51.100.7"},
                "extraEgress": [{"ports": [{"port": 2525}], "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}],
                "extraVolumes": [{"name": "rules", "configMap": {"name": "bounce-rules"}}],
                "extraVolumeMounts": [{"name": "rules", "mountPath": "/etc/posthorn/rules"}],
                "settings": {"POSTHORN_BOUNCE_RULES_FILE": "/etc/posthorn/rules/bounces.toml"},
            }
        }
    },
    "no-policies": {"networkPolicy": {"enabled": False}},
    "http-webhooks": {"networkPolicy": {"webhooksOverHttp": True}},
    "no-budgets": {"podDisruptionBudget": {"enabled": False}},
    "own-account": {"serviceAccount": {"create": False, "name": "mailer"}},
    "pod-monitor": {"metrics": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}},
    "service-monitor": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "rules": {"metrics": {"rules": {"enabled": True}}},
    "dashboards": {"metrics": {"dashboards": {"enabled": True}}},
    "no-jobs": {"jobs": {"topics": {"enabled": False}, "indexes": {"enabled": False}}},
    "job-users": {
        "kafka": SASL,
        "jobs": {"topics": {"kafkaSecret": "kafka-admin"}, "indexes": {"mongodbSecret": "mongodb-admin"}},
    },
    "doctor": {
        "kafka": SASL,
        "processes": {"sender": {"settings": {"POSTHORN_SOURCE_ADDRESS": "198.51.100.7"}}},
        "doctor": {
            "enabled": True,
            "schedule": "*/30 * * * *",
            "timeZone": "Europe/Berlin",
            "smtpDoor": "[2001:db8::7]:2587",
            "skip": ["clock"],
            "args": ["--health=http://sender.mail.svc:9464"],
            "settings": {"POSTHORN_NAMESERVERS": '["198.51.100.53"]'},
            "kafkaSecret": "kafka-admin",
            "mongodbSecret": "mongodb-admin",
            "nodeSelector": {"example.com/mail": "out"},
            "extraEgress": [{"ports": [{"port": 2587}], "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}],
        },
    },
    "external-secrets": {
        "externalSecrets": {
            "enabled": True,
            "secretStoreRef": {"name": "vault"},
            "secrets": {
                "posthorn-keys": {
                    "data": [{"secretKey": "pepper", "remoteRef": {"key": "mail", "property": "pepper"}}]
                },
                "posthorn-smtp-tls": {
                    "type": "kubernetes.io/tls",
                    "data": [{"secretKey": "tls.crt", "remoteRef": {"key": "smtp"}}],
                },
            },
        }
    },
}

# its definition is of no Go module: it is looked at as it is rendered
STRIMZI = {"strimzi": {"topics": {"enabled": True}}, "kafka": {"topicPartitions": 24, "topicPrefix": "eu."}}
