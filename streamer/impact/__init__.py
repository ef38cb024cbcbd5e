"""What alerts are worth in money: reviews, losses caught and missed, false alarms, the best budget.

Reading order: `prices` (what each costs), `worth` (amounts in one currency), `gains` (of a payment, by
day), `day_resampling` (intervals), `best_budget`, `impact_figures` (what is told), `impact_of_file`.
"""
