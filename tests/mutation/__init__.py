"""Does a test fail for each thing that can be wrong with the release decision? See tests/mutation/__main__.py."""
