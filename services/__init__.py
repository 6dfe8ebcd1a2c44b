"""The five services and the `posthorn` command."""
