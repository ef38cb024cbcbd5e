"""What is said of a model and of a run: one description, whoever prints it or answers with it.

Reading order: `drift_report` (which features have moved), `odds_report` and `census_report` (what
verdicts have taught, and what they say is missed), `version_report`, `center_watch` and
`drift_monitor` (what one worker's payments say of the centers), `summary` (of a run).
"""
