"""The one way in: from what a door has read to messages that are durably there."""
