//! What the history says: pure functions of outcomes, values in, values out.
