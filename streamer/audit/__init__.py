"""Who changed what and who saw which card, in chains that tell what was taken out of them.

Reading order: `audit_entry` (what is written, and how it is sealed), `stored_entry` (what is read
back), `writer_log`, `audit_findings`, `anchors`, `writer_check` and `audit_check` (what was changed,
dropped, reordered or cut, without any server); `audit_writer` on `kept_heads` and `audit_sender` (a
process's own chain: Redis, then Kafka, then its head); `audit_reading`, `audit_verification` and
`audit_export`; `command_trail` (of a command).
"""
