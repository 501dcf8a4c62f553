//! Smoke checks: read-only requests to what runs, in order, the first failure ends.
