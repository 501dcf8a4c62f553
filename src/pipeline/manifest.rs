//! What a pipeline meant to run, written before its first step; what it ran, written at its end.
