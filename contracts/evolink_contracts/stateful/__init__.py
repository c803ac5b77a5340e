"""Model-based testing: steps, running model, strategies, state machine, search."""
