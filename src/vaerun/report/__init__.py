"""What several runs say together. It reads files only, and needs no torch."""
