"""What λ follows where its guess is refined."""
