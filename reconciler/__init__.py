"""Declarative reconciler for customer data: YAML in git decides what flows between Gainsight CS, communities and more."""

__version__ = "0.1.0"
