"""Small honest stand-ins for services outside, on loopback: they keep state, and can misbehave on demand."""
