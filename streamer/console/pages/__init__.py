"""The pages: requests in, HTML out, with their templates and static files.

Reading order: `page_templates`, `posted_forms`, `visits` (who may see one, and what they get when
something is away), `sightings` (what is written before); `queue_pages`, `alert_pages` on `alert_facts`
and `absent_pages`, `asked_pages`, `claim_pages`, `verdict_pages`, `wave_pages` and `ticked_pages` on
`joint_verdicts`, `older_pages`;
`login_pages`; beside the queue `team_page`, `budget_page`, `model_page`, `operations_page`,
`snooze_pages`, `proposal_pages`; `arrivals` and `safe_headers`.
"""
