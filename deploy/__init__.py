"""How Posthorn is packaged and started."""
