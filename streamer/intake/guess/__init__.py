"""What a sample's names and values say: which field is which, how it is written, what is no payment.

Reading order: `words` (a name in one spelling), `names` and `values` (what speaks for a field),
`fields` (which path is which), `settings` and `rules` (how they are written, what ends a reading),
`lines` (as TOML).  `suggest`, above, puts them together and shows how the sample reads with it.
"""
