"""Databases: those that models read (`source`), where nothing can be written, and those that records go to (`target`)."""
