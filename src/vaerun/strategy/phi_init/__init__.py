"""Where the ascent in φ starts."""
