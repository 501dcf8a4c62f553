//! An older edition, in which each doctest is a program of its own, and a library that is not called like its package.

/// Documented.
///
/// ```
/// envdump::write("doc-old");
/// old_name::documented();
/// ```
///
/// ```compile_fail,E0308
/// let wrong: u32 = "words";
/// ```
///
/// ```should_panic
/// panic!("as said");
/// ```
///
/// ```no_run
/// loop {}
/// ```
///
/// ```ignore
/// this is no Rust at all
/// ```
pub fn documented() {}

/// Two more.
///
/// ```
/// assert!(true);
/// ```
pub struct Thing;

impl Thing {
    /// ```
    /// old_name::Thing.method();
    /// ```
    pub fn method(&self) {}
}

#[cfg(test)]
mod tests {
    #[test]
    fn writes_its_surroundings() {
        envdump::write("lib-old_name");
    }
}
