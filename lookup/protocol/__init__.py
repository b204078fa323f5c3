"""What browser, service and loader must agree on byte for byte: the lookup protocol, version 1.

House rules of this folder. It is pure: no files, no network, no Flask, no Redis, no environment,
no clock, no logging. Each module knows ``suite`` (and the error family) and not its neighbours;
callers compose them. Names are RFC 9497's where it has one. docs/protocol.md is the text.
"""
