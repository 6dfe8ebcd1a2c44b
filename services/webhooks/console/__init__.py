"""The pages of webhooks: endpoints, what was posted to them, and posting it again."""
