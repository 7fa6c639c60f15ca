"""Klynge."""
