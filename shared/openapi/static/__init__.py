"""What the reference page is made of beside Swagger UI."""
