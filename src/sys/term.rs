//! What the terminal can show: read once, at the start.
