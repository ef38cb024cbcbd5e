"""What a customer can ask for: to see what is stored of a card, and to have it forgotten.

Reading order: `card_names` (what a card is called, and where), `card_words` (its state in words),
`held_of_card` (in Redis, by partition), `topics_of_card` (in Kafka), `gathered` (all of it),
`export_text` (for people), `erasing_card` (step by step), `unlearning` and `bound_of_card` (what stays
in the model, and how little).  docs/privacy.md has every store and how long it keeps what.
"""
