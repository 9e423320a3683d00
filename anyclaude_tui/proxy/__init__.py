"""The way of a request: Anthropic Messages in, OpenAI chat completions out, and back."""
