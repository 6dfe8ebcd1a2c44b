"""`/v1/suppressions` of a workspace, and `/v1/platform/suppressions` of the operator."""
