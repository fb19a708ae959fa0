"""What a trained model draws, as numbers and as pictures."""
