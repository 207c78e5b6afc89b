"""Many connections: what an idle one costs, and what short ones leave behind."""
