"""Everything that draws tables, lines and bars on a terminal: the room of rich.

Reading order: `output` (how commands speak: errors, JSON, exit codes), `alert_panel` (a payment in
a line, an alert in a box) and `summary_table` (what came of a run), `progress_bars`; then one
module for each thing that is shown: `status_display`, `explanation_display`, `partition_display`,
`dlq_display`, `intake_display`, `evaluation_display`, `fit_display`; the demo's `demo_stages`,
`varied_alerts`, `demo_display`, `bar_plot` and `story_plot`.
"""
