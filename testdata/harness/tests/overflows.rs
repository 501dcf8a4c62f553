//! A stack overflow: Rust's handler says so and aborts.

#[test]
fn a_first() {}

#[test]
fn m_overflows() {
    #[expect(unconditional_recursion, reason = "that is the point")]
    fn dive(depth: u64) -> u64 {
        std::hint::black_box(dive(std::hint::black_box(depth) + 1)) + 1
    }
    harness::sleep_ms(100);
    dive(0);
}

#[test]
fn z_last() {}
