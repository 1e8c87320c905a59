"""A language model looks at the episodes it lost, and what it makes of them is put to the test."""
