"""Whether a model version may take over: rules over what it is, and what it does with past payments.

Reading order: `policy` (what must hold), `groups` and `paired` (two of the figures), `gate_facts` (all
of them), `gate_rules` (which hold).
"""

from streamer.gating.gate_facts import Facts, measure_facts, not_finite
from streamer.gating.gate_rules import Ruling, judge, judge_state
from streamer.gating.policy import GatePolicy, load_policy

__all__ = [
    "Facts",
    "GatePolicy",
    "Ruling",
    "judge",
    "judge_state",
    "load_policy",
    "measure_facts",
    "not_finite",
]
