"""``python -m tools.performance``: the tables and pictures of docs/performance.md.

It reads what ``python -m bench --save`` kept in ``docs/performance/`` and writes the part of the
document between two marks, and the pictures. What it makes depends on these files alone, so that a
test can hold the document against them. With ``--check`` nothing is written: it only says whether
anything would change.
"""
