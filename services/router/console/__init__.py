"""The console's pages of routing: which way mail takes and why, rules, transports and their health."""
