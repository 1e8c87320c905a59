"""What advice led to: taken down, saved, merged."""
