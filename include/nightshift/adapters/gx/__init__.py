"""Great Expectations: suites, checks and their pages. The only package that imports it."""
