"""The only way out of a sandbox: a proxy that knows hosts, methods, paths and which secret belongs where."""
