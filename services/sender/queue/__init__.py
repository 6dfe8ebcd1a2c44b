"""Operations on what waits: holds, and actions on many messages at once."""
