#[test]
fn it_closes_early_on_saturdays() {
    assert_eq!(shop::closes(6), 14);
}
