"""What somebody may do: five roles, a closed list of actions, and one table of who may do which.

How a person is known, and which roles they have, is asked elsewhere (`streamer.console.people`); here
it is only asked what they may do.  Nothing that scores a payment imports this.

Reading order: `roles`, `actions`, `access_rules` (the table), `decision` (the built-in answer),
`policy_data` (the same table for OPA), `opa` (asks it), `guard` (which of the two decides).
"""
