"""The reviewers' console: alerts from their topic, verdicts to theirs, in pages that a server writes.

Reading order: `accounts`, `web_sessions` and `login_tries` (who), `queue_filters` and `card_numbers`
(what is shown, and what may not be typed: pure), `audit_trail` and `verdict_sending` (what is sent),
`console` (all of it together); then the pages: `page_templates`, `posted_forms`, `visits` (who may see
one, and what they get when something is away), `queue_pages`, `alert_pages`, `claim_pages`,
`verdict_pages`, `wave_pages` (`wave_items`: which alerts are one item), `login_pages`, `arrivals`,
`safe_headers`.  Beside the queue are `team_page` on `team_figures`, `budget_page` on `budget_curve`,
`model_page` on `model_reading`, `operations_page` on `worker_window`, `worker_figures`,
`worker_scrapes` and `status_reading`, `snooze_pages` and `proposal_pages`.  Last `console_app` and
`console_process`.
"""
