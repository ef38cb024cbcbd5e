"""Figures of what was judged: how the team does, and what another budget would find and miss: pure."""
