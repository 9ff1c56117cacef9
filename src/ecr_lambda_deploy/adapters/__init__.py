"""One file for each outside thing, and the only place that imports its SDK."""
