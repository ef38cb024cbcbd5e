"""What several commands show a person, by rich: the one place that knows how it looks.

Reading order: `alert_panel` (a payment in a line, an alert in a box), `summary_table` (what came of a
run).
"""
