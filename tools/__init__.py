"""Programs that make files of this repository: documentation and screenshots."""
