"""Bytes and events of both APIs. Pure, and below everything else in the proxy."""
