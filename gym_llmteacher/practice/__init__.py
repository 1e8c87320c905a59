"""A teacher practises: it plays before it teaches, and learns which of its options pay."""
