//! Names that a parser may trip over.

#![expect(non_snake_case, reason = "names that real code may have")]

#[test]
fn größe_zählt() {}

#[test]
fn 名前は日本語() {}

#[test]
fn r#match() {}

mod r#mod {
    #[test]
    fn r#fn() {}
}

#[test]
fn this_name_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on() {
}

#[test]
#[should_panic]
fn with_a_note_behind_the_name() {
    panic!();
}

#[test]
fn prefix() {}

#[test]
fn prefix_of_another() {}

mod ok {
    #[test]
    fn FAILED() {}
}

mod failures {
    #[test]
    fn stdout() {
        panic!("a name that looks like a section");
    }
}
