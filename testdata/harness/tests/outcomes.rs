//! Every outcome that libtest itself reports.

#[test]
fn passes() {
    println!("nobody sees this");
}

#[test]
fn fails_after_printing() {
    println!("this went to stdout");
    eprintln!("this went to stderr");
    assert_eq!(1 + 1, 3, "sums are hard");
}

#[test]
fn panics_with_several_lines() {
    panic!("first line\n  second line, indented\n\nlast line after a gap");
}

#[test]
fn returns_an_error() -> Result<(), String> {
    Err("the disk is made of cheese".to_owned())
}

#[test]
#[should_panic]
fn panics_as_it_should() {
    panic!("on purpose");
}

#[test]
#[should_panic(expected = "boom")]
fn panics_with_the_right_words() {
    panic!("a big boom");
}

#[test]
#[should_panic]
fn should_panic_and_does_not() {}

#[test]
#[should_panic(expected = "boom")]
fn should_panic_with_other_words() {
    panic!("a small bang");
}

#[test]
#[ignore]
fn ignored_for_no_reason() {}

#[test]
#[ignore = "needs a full moon"]
fn ignored_for_a_reason() {}

#[test]
#[ignore = "and would fail"]
fn ignored_and_failing_if_asked() {
    panic!("you asked");
}

#[test]
fn passes_while_another_thread_panics() {
    let _ = std::thread::spawn(|| panic!("not in the test's own thread")).join();
}
