"""Programs and rules of others that judge what we send; they know nothing of our code."""
