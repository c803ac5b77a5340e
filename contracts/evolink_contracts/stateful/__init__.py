"""Model-based testing: running model, session, actions, strategies, state machine, search."""
