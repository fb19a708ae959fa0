"""``vaerun report``: the comparison as one HTML file with plots and images. Only the plots need matplotlib."""
