"""Where the resources of a configuration come from."""
