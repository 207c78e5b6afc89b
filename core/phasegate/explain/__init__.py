"""What happened to a request, and why: its route, the steps of its pipeline, the calls behind it."""
