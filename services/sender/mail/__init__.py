"""What goes out: contents made into one message's own bytes, its signatures, and large ones read as they are sent."""
