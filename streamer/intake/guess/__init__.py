"""What a sample's names and values say: which field is which, how it is written, what is no payment.

Reading order: `words` (a name in one spelling), `known_names` and `values` (what speaks for a field),
`field_paths` (which path is which), `notations` and `no_payments` (how they are written, what ends
a reading), `lines` (as TOML). `streamer.intake.suggest`, above, puts them together and shows how
the sample reads with it.
"""
