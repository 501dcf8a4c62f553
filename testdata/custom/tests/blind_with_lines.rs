//! Looks at no argument and prints lines as libtest does: asked for its list, it runs.

fn main() {
    custom::note_start("blind_with_lines");
    println!("\nrunning 2 tests");
    println!("test fixtures/one.txt ... ok");
    println!("test fixtures/two.txt ... ok");
    println!("\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
}
