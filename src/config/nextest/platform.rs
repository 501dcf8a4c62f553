//! Does an override's `platform` hold here? Told from what this program was built for: nobody is asked.

use std::env::consts::{ARCH, FAMILY, OS};

use cargo_metadata::cargo_platform::{Cfg, Ident, Platform};

/// How deep parentheses may lie in each other: their reader calls itself for each.
const DEEPEST: usize = 100;

/// Does it hold where programs run that are built for `targets` (none: for here)? `None` where that cannot be told. The
/// error says in a few words what is wrong with the text.
pub(super) fn holds(text: &str, targets: &[String]) -> Result<Option<bool>, String> {
    if text.matches('(').count() > DEEPEST {
        return Err(format!("deeper than {DEEPEST} levels"));
    }
    let platform: Platform = text.trim().parse().map_err(|error| format!("{text:?} is no platform: {error}"))?;
    Ok(match (&platform, targets) {
        (Platform::Cfg(_), []) if tells_enough(&platform) => Some(platform.matches("", &here())),
        (Platform::Name(triple), []) => is_here(triple),
        (Platform::Name(triple), [target]) => Some(triple == target),
        (Platform::Cfg(_), _) | (Platform::Name(_), _) => None,
    })
}

/// What is known without asking rustc.
fn here() -> Vec<Cfg> {
    let name = |text: &str| Ident { name: text.to_owned(), raw: false };
    let pair = |key: &str, value: &str| Cfg::KeyPair(name(key), value.to_owned());
    let width = format!("{}", usize::BITS);
    vec![
        Cfg::Name(name(FAMILY)),
        pair("target_family", FAMILY),
        pair("target_os", OS),
        pair("target_arch", ARCH),
        pair("target_pointer_width", &width),
    ]
}

/// Does it speak only of what [`here`] knows?
fn tells_enough(platform: &Platform) -> bool {
    const KEYS: [&str; 4] = ["target_family", "target_os", "target_arch", "target_pointer_width"];
    const NAMES: [&str; 2] = ["unix", "windows"];
    fn known(expr: &cargo_metadata::cargo_platform::CfgExpr) -> bool {
        use cargo_metadata::cargo_platform::CfgExpr::{All, Any, False, Not, True, Value};
        match expr {
            Not(inner) => known(inner),
            All(parts) | Any(parts) => parts.iter().all(known),
            Value(Cfg::Name(name)) => NAMES.contains(&name.name.as_str()),
            Value(Cfg::KeyPair(key, _)) => KEYS.contains(&key.name.as_str()),
            True | False => true,
        }
    }
    match platform {
        Platform::Cfg(expr) => known(expr),
        Platform::Name(_) => true,
    }
}

/// Is this triple the one that programs run on here? Another processor or system is surely not; of the same one only its
/// make (`armv7`, `riscv64gc`) is in doubt, and the C library, where this program was built for another.
fn is_here(triple: &str) -> Option<bool> {
    is_of(triple, ARCH, OS)
}

fn is_of(triple: &str, own_arch: &str, own_os: &str) -> Option<bool> {
    let mut parts = triple.split('-');
    let arch = parts.next().unwrap_or_default();
    let system: Vec<&str> = parts.collect();
    let os = if own_os == "macos" { "darwin" } else { own_os };
    let same_arch = arch == own_arch || (own_arch == "x86" && matches!(arch, "i586" | "i686"));
    if !(same_arch || arch.starts_with(own_arch)) || !system.contains(&os) {
        return Some(false);
    }
    if !same_arch {
        return None;
    }
    let libc = system.last().copied().unwrap_or_default();
    let same_libc = match libc {
        "gnu" => cfg!(target_env = "gnu"),
        "musl" => cfg!(target_env = "musl"),
        "msvc" => cfg!(target_env = "msvc"),
        libc => libc == os,
    };
    same_libc.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_program_was_built_for_is_known() {
        let on_unix = Some(cfg!(unix));
        for (text, wanted) in [
            ("cfg(unix)", on_unix),
            ("cfg(not(unix))", Some(!cfg!(unix))),
            ("cfg(any(unix, windows))", Some(true)),
            ("cfg(all(unix, windows))", Some(false)),
            ("cfg(target_os = \"redox\")", Some(false)),
            ("cfg(target_feature = \"avx\")", None),
            ("cfg(all(unix, target_env = \"gnu\"))", None),
            ("sparc64-unknown-netbsd", Some(false)),
        ] {
            assert_eq!(holds(text, &[]), Ok(wanted), "{text}");
        }
        let own = format!("cfg(all(target_os = \"{OS}\", target_arch = \"{ARCH}\"))");
        assert_eq!(holds(&own, &[]), Ok(Some(true)));
        assert!(holds("cfg(", &[]).is_err() && holds("cfg(unix) or", &[]).is_err());
    }

    #[test]
    fn a_make_of_a_processor_may_be_the_one_here() {
        for (triple, arch, wanted) in [
            ("armv7-unknown-linux-gnueabihf", "arm", None),
            ("riscv64gc-unknown-linux-gnu", "riscv64", None),
            ("powerpc64le-unknown-linux-gnu", "powerpc64", None),
            ("riscv64gc-unknown-freebsd", "riscv64", Some(false)),
            ("aarch64-unknown-linux-gnu", "arm", Some(false)),
            ("x86_64-unknown-linux-gnu", "aarch64", Some(false)),
        ] {
            assert_eq!(is_of(triple, arch, "linux"), wanted, "{triple} on {arch}");
        }
    }

    #[test]
    fn of_another_target_only_the_triple_is_known() {
        let one = ["aarch64-apple-darwin".to_owned()];
        assert_eq!(holds("aarch64-apple-darwin", &one), Ok(Some(true)));
        assert_eq!(holds("x86_64-unknown-linux-gnu", &one), Ok(Some(false)));
        assert_eq!(holds("cfg(unix)", &one), Ok(None));
        assert_eq!(holds("aarch64-apple-darwin", &[one[0].clone(), "wasm32-wasip1".to_owned()]), Ok(None));
    }
}
