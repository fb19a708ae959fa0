"""Laws with known answers, to which every method on offer can be held on the user's own machine."""
