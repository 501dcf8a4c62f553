//! No default member: red, but only for those who ask.

#[test]
fn fails_where_it_is_asked() {
    panic!("you asked for the whole workspace");
}
