"""A release: its version wherever that stands, its files, its notes, and its first installation.

Reading order: `version_places` (``make version``), `distributions` (``make dist``), `release_notes`
(one section of the list of changes), `bare_install` (the wheel where there is nothing else).
docs/releasing.md goes through all of it step by step.
"""
