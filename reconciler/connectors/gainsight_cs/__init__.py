"""Gainsight Customer Success: reads objects and their metadata with an access key."""
