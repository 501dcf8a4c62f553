//! A library, whose binary of the same name has tests of the same names.

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

/// Known to the documentation.
///
/// ```
/// envdump::write("doc-app");
/// assert_eq!(app::GENERATED, 42);
/// ```
///
/// ```standalone_crate
/// envdump::write("doc-app-standalone");
/// ```
///
/// ```compile_fail
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
///
/// ```text
/// neither is this, and it is no test
/// ```
pub fn documented() {}

#[cfg(test)]
mod tests {
    #[test]
    fn writes_its_surroundings() {
        envdump::write("lib-app");
    }

    #[test]
    fn sees_what_the_build_script_said() {
        assert_eq!(env!("FROM_BUILD_SCRIPT"), "hello");
        assert!(cfg!(from_build_script));
    }

    #[test]
    fn finds_what_the_build_script_wrote_when_it_runs() {
        let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR when it runs a test");
        assert!(std::path::Path::new(&out).join("generated.rs").exists());
    }

    #[test]
    fn sees_cargo_configuration() {
        assert_eq!(std::env::var("FROM_CONFIG").as_deref(), Ok("plain"));
        assert!(std::path::Path::new(&std::env::var("FROM_CONFIG_RELATIVE").unwrap()).is_absolute());
    }

    #[test]
    fn stands_in_its_package() {
        assert!(std::env::current_dir().unwrap().ends_with("app"));
        assert_eq!(std::env::var("CARGO_PKG_NAME").as_deref(), Ok("app"));
    }
}
