"""Changes while requests flow: how soon they are served, and how 10,000 routes load."""
