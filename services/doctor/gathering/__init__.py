"""The facts that are judged, as the deployment's servers, the DNS and the network tell them."""
