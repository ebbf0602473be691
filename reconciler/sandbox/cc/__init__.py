"""The Customer Communities side: tokens, users, profile fields, roles and badges."""
