"""What callers of the systems that Posthorn takes the place of rely on: a test for each row of
docs/compatibility.md."""
