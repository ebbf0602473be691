"""The Gainsight CS side: metadata, query, object data, people and tokens."""
