"""The ways in which a notice reaches people: a Slack-compatible webhook, a signed webhook of our own, and mail."""
