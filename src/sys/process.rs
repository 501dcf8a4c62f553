//! Child processes in groups of their own, and how they are ended.
