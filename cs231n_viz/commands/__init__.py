"""What stands behind `python3 -m cs231n_viz`: environment, doctor, fetch, lessons."""
