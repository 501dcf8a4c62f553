#[test]
fn it_opens_at_eight() {
    assert_eq!(shop::opens(1), Some(8));
}
