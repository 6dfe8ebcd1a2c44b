"""Erasures: what callers ask for, the certificate of what each service did, and this service's own part."""
