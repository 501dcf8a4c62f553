//! The behaviour of the tool from outside, one module a subject.

mod store;
