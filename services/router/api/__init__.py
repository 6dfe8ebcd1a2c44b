"""The router's HTTP routes: transports and rules, workspaces' own and the platform's."""
