"""J: bounds on log p(x) as functions of K rewards."""
