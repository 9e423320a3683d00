"""The screens of a comparison."""
