"""`posthorn reseal`: secrets that stand under another encryption key are sealed with the present one."""
