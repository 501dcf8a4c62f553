//! Tests that take their time: from the second run on, the longest start first.

use std::thread::sleep;
use std::time::Duration;

#[test]
fn takes_a_fifth_of_a_second() {
    sleep(Duration::from_millis(200));
}

#[test]
fn takes_a_second_and_a_half() {
    sleep(Duration::from_millis(1500));
}
