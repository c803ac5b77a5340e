"""The checks of the promises, by area; each is a function of a history."""
