"""The checks of the conformance kit, by kind of plugin and by topic."""
