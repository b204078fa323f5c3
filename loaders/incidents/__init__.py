"""Incident records of others, made into drafts of register entries; the store is not touched.

A form has one file (``rankiteo``, ``hibp``, ``notice``) that makes an ``entry.Draft`` of a record:
what it says, as far as an entry has a place for it, and a finding for every field that needs a
person's eyes. No finding and no error repeats a value of the record.
"""
