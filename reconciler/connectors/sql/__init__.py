"""Databases that models read. Nothing in here can write to one."""
