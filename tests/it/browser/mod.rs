//! x
use crate::support::retrospects;
#[test]
#[ignore = "x"]
fn write_samples() {
    for (name, r) in [
        ("empty", retrospects::empty()),
        ("small", retrospects::small()),
        ("typical", retrospects::typical()),
        ("hostile", retrospects::hostile()),
        ("large", retrospects::large()),
    ] {
        let mut f = Vec::new();
        let t = std::time::Instant::now();
        cargo_gate::report::html::write(&r, &mut f).unwrap();
        eprintln!("{name}: {} bytes {:?}", f.len(), t.elapsed());
        std::fs::write(format!("/tmp/html-{name}.html"), f).unwrap();
    }
}
