"""The checks of the conformance kit, a module for each kind of plugin or of question."""
