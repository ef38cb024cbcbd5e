"""Two configurations over the same past traffic: which alerts each of them gives, and which were right.

Reading order: `witness` (what is noted of a run while it passes), `two_runs` (both in one pass over the
file), `comparison` (what differs), `examples` (payments that a person should look at),
`backtest_report`, `daily_plot` and `backtest_page` (what people get to see).
"""

from streamer.backtesting.two_runs import Backtest, Request, Side, backtest

__all__ = ["Backtest", "Request", "Side", "backtest"]
