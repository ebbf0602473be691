"""Gainsight Customer Communities: lists users and writes their profile fields."""
