"""Parts that screens of several areas share."""
