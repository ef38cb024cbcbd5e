"""What goes out, each once: alerts, dead letters and scores, and what of it is there already.

Reading order: `publisher` with `queued` and `delivered` (what is on its way, what has come),
`alert_headers`, `dead_letters` with `dead_letter_log`, `recovery` with `alert_partition` (what
another worker had published); `dead_letter_topic` and `alert_reader` are for commands, `alert_group`
and `acknowledged` for the console.
"""
