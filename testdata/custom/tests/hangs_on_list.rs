//! Asked for its list it waits for something that never comes; run, it passes at once.

use std::{env, thread, time::Duration};

fn main() {
    custom::note_start("hangs_on_list");
    if env::args().any(|arg| arg == "--list") {
        thread::sleep(Duration::from_secs(300));
    }
    println!("done");
}
