"""The sender: takes cleared messages over, delivers them by SMTP, and says what became of each."""
