"""What is kept, and the only folder that knows Redis.

``keyspace`` names the keys; ``store`` connects and refuses a store that may evict; ``cluster``
and ``routing`` are its client where it is several servers;
``definition``, ``register``, ``ledger`` and ``versions`` each own one part of it; ``view`` is a web
node's mapped copy of a version. No command spans keys of different cluster slots.
"""
