"""sender: owns what is in the pipeline, delivers it by SMTP with DKIM, and says how each message ended."""
