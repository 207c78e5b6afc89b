"""Whether a request costs more where there are more routes, plugins, consumers and workers."""
