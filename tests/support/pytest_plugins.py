"""Options for a pytest of its own: without the plugins of the development tools, which take a second to load."""

NO_OTHERS = ("-p", "no:randomly", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
