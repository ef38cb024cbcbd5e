"""Files of the repository that are written from the code, each by a command with ``--check``.

Reading order: `page_command` (what they share), `metrics_page`, `settings_page`, `dead_letters_page`,
`your_data_page`, `example_alert`, `reading_an_alert_page`, `schema_files`.
"""
