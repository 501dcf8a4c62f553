//! One history for many machines: a store on a server, and what this machine keeps beside it.
//!
//! - `link`: the line to the server, on which nobody waits for longer than was said;
//! - `outbox`: runs that the server has not heard of yet;
//! - `sides`: the server and what is kept here, and which of them is asked;
//! - `store`: both as one `Store`.
//!
//! The server decides nothing: where it cannot be reached a run is kept in the outbox, and sent by the next one that
//! reaches it. Files of this machine (the stamps of its binaries) stay with its own `history.sqlite`.

mod link;
mod outbox;
mod sides;
mod store;

pub use link::{Connect, Hurry, Limits, Link};
pub use outbox::{Outbox, Sent, send_all};
pub use sides::SharedStore;
