"""pytest on tests that are written into files, as an author's project has them."""

pytest_plugins = ["pytester"]
