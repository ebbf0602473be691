"""Who a member of a community is in Gainsight CS: ordered rules over normalised keys. Pure; nothing is guessed.

`keys` and `domains` normalise, `settings` has the rules, `rows` says which keys a record has, `directory` is where records
are looked up by key, and `resolver` decides. See docs/explanation/resolution.md.
"""
