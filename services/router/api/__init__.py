"""The router's HTTP routes: transports, the platform's shared ones, and default routes."""
