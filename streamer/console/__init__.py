"""The reviewers' console: alerts from their topic, verdicts to theirs, in pages that a server writes.

Rooms, each knowing only those before it: `people` (who), `sending` (what is said on Kafka), `queue`,
`alert` and `team` (what is shown: pure, nearly all of it), `service` (how workers and model are),
`console` (all of it together), `pages`.  Last `console_app` (which address is which page),
`tenant_consoles` (several of it) and `console_process`.
"""
