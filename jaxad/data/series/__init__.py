"""Long series: reading, windows, and scores of windows as scores of timestamps."""
