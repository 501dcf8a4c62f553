//! The behaviour of the tool from outside, one module a subject.
#![cfg(test)]

mod cli;
mod config;
